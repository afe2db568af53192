/** Claims about errors: each has a code and a status of the registry, and tells nothing it should not. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

const day = (offset: number): string =>
  new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

const QUOTE = `mutation ($listingId: UUID!, $checkIn: Date!, $checkOut: Date!) {
  createQuote(input: { listingId: $listingId, checkIn: $checkIn, checkOut: $checkOut, guests: 1 }) {
    quote { id }
  }
}`;
const BOOK = `mutation ($quoteId: UUID!, $key: String!) {
  createBooking(input: { quoteId: $quoteId, idempotencyKey: $key }) { booking { id status } }
}`;

async function quote(client: Client, checkIn: number, checkOut: number): Promise<string> {
  const variables = { listingId: market.a.held, checkIn: day(checkIn), checkOut: day(checkOut) };
  const { createQuote } = await client.query<{ createQuote: { quote: { id: string } } }>(
    QUOTE,
    variables,
  );
  return createQuote.quote.id;
}

test("the second of two bookings of the same nights gets DATES_UNAVAILABLE and status 409", async () => {
  const [first, second] = [server.signedIn(market.a.guest), server.signedIn(market.b.guest)];
  const quotes = [await quote(first, 100, 103), await quote(second, 102, 104)];
  const won = await first.send(BOOK, { quoteId: quotes[0], key: "first-key-1" });
  expect(won.errors).toEqual([]);
  expect(won.data).toMatchObject({ createBooking: { booking: { status: "PENDING_PAYMENT" } } });
  const lost = await second.send(BOOK, { quoteId: quotes[1], key: "second-key-1" });
  expect(lost.data).toEqual({ createBooking: null });
  expect(lost.errors).toMatchObject([
    { path: ["createBooking"], extensions: { code: "DATES_UNAVAILABLE", status: 409 } },
  ]);
});

test.each([
  ["Date", "today"],
  ["Date", "04/05/2031"],
  ["Date", "2031-02-30"],
  ["Date", "2031-13-45"],
  ["Date", ""],
  ["BigInt", "12abc"],
  ["BigInt", "1e3"],
  ["BigInt", ""],
])("a %s is not written %j, neither in the document nor in a variable", async (type, text) => {
  const guest = server.signedIn(market.a.guest);
  const search = (filter: string, head = "") =>
    `query ${head} { searchListings(west: 0, south: 0, east: 1, north: 1, ${filter}) { nodes { nights } } }`;
  const argument = type === "Date" ? "checkOut: X, checkIn: X" : 'currency: "EUR", maxAmount: X';
  const sentence = expect.stringMatching(/^Write a (date|whole number) as /);
  const refused = [{ message: sentence, extensions: { code: "INVALID_INPUT", status: 400 } }];
  const literal = await guest.send(search(argument.replaceAll("X", JSON.stringify(text))));
  expect(literal.errors.slice(0, 1)).toMatchObject(refused);
  const variable = search(argument.replaceAll("X", "$x"), `($x: ${type}!)`);
  expect((await guest.send(variable, { x: text })).errors).toMatchObject(refused);
});

test("dates and amounts that are right are taken both ways", async () => {
  const guest = server.signedIn(market.a.guest);
  const query = `query ($in: Date!, $most: BigInt!) {
    searchListings(west: 0, south: 0, east: 1, north: 1, checkIn: $in, checkOut: "2032-02-29",
      currency: "EUR", minAmount: "0", maxAmount: $most) { nodes { nights } }
  }`;
  const answer = await guest.send(query, { in: "2032-02-27", most: "88000" });
  expect(answer.errors).toEqual([]);
});

test("an error names the input that is at fault, as the client wrote it", async () => {
  const guest = server.signedIn(market.a.guest);
  const answer = await guest.send(QUOTE, {
    listingId: "00000000-0000-4000-8000-000000000404",
    checkIn: day(1),
    checkOut: day(2),
  });
  expect(answer.errors).toMatchObject([
    { extensions: { code: "LISTING_NOT_FOUND", status: 404, fields: ["listingId"] } },
  ]);
  const reversed = { listingId: market.a.held, checkIn: day(3), checkOut: day(2) };
  expect(codesOf(await guest.send(QUOTE, reversed))).toEqual(["INVALID_STAY"]);
  const others = await guest.send(BOOK, {
    quoteId: await quote(server.signedIn(market.b.guest), 110, 112),
    key: "not-my-quote",
  });
  expect(codesOf(others)).toEqual(["QUOTE_NOT_FOUND"]);
});

test("a broken rule of a table is INVALID_INPUT, a missing sign-in UNAUTHENTICATED", async () => {
  const create = `mutation ($title: String!) {
    createListing(input: { listing: { title: $title } }) { listing { id hostId } }
  }`;
  const host = server.signedIn(market.a.host);
  expect(codesOf(await host.send(create, { title: "" }))).toEqual(["INVALID_INPUT"]);
  expect(codesOf(await server.stranger.send(create, { title: "A" }))).toEqual(["UNAUTHENTICATED"]);
  expect(codesOf(await server.stranger.send(QUOTE, { listingId: market.a.held }))).toContain(
    "INVALID_INPUT",
  );
});

test("nobody changes what is another's, and the answer does not tell that it is there", async () => {
  const update = `mutation ($id: UUID!) {
    updateListing(input: { id: $id, patch: { title: "Mine now" } }) { listing { id title } }
  }`;
  const remove = `mutation ($id: UUID!) {
    deleteListingPhoto(input: { id: $id }) { listingPhoto { id } }
  }`;
  const host = server.signedIn(market.a.host);
  for (const id of [market.b.draft, market.b.booked, "00000000-0000-4000-8000-000000000404"]) {
    const answer = await host.send(update, { id });
    expect(answer.data).toEqual({ updateListing: null });
    expect(codesOf(answer)).toEqual(["NOT_FOUND"]);
  }
  const photo = async (listing: string): Promise<string | undefined> => {
    const { rows } = await database.owner.query<{ id: string }>(
      "select id from app_public.listing_photos where listing_id = $1",
      [listing],
    );
    return rows[0]?.id;
  };
  const others = await photo(market.b.booked);
  expect(codesOf(await host.send(remove, { id: others }))).toEqual(["NOT_FOUND"]);
  expect(await photo(market.b.booked)).toBe(others);
  // Of a draft: a published listing keeps its last photo.
  const create = `mutation ($listingId: UUID!) {
    createListingPhoto(
      input: { listingPhoto: { listingId: $listingId, url: "https://example.com/d.jpg" } }
    ) { listingPhoto { id } }
  }`;
  await host.query(create, { listingId: market.a.draft });
  const own = await photo(market.a.draft);
  expect(await host.query(remove, { id: own })).toEqual({
    deleteListingPhoto: { listingPhoto: { id: own } },
  });
  expect(await host.query(update, { id: market.a.draft })).toEqual({
    updateListing: { listing: { id: market.a.draft, title: "Mine now" } },
  });
  const { rows } = await database.owner.query(
    "select title from app_public.listings where id = any ($1)",
    [[market.b.draft, market.b.booked]],
  );
  expect(rows).not.toContainEqual({ title: "Mine now" });
});

test("what nobody foresaw is INTERNAL: the words are in the log, with the request's id", async () => {
  const { rows } = await database.owner.query<{ definition: string }>(
    "select pg_get_functiondef('app_public.me()'::regprocedure) as definition",
  );
  const secret = "the moon is a cheese";
  await database.owner.query(
    `create or replace function app_public.me() returns app_public.users
     language plpgsql stable as $$ begin raise exception '${secret}'; end $$`,
  );
  try {
    const answer = await server.signedIn(market.a.guest).send("{ me { id } }");
    expect(JSON.stringify(answer)).not.toContain("cheese");
    expect(answer.errors).toMatchObject([
      { path: ["me"], extensions: { code: "INTERNAL", status: 500, requestId: "request-1" } },
    ]);
    expect(server.log()).toContain(secret);
    expect(server.log()).toContain('"requestId":"request-1"');
  } finally {
    await database.owner.query(rows[0]?.definition ?? "");
  }
});

test("the log of an error holds neither variables nor tokens", async () => {
  const token = server.tokenOf(market.a.guest);
  const key = "a-key-that-nobody-logs";
  await server.signedIn(market.a.guest).send(BOOK, { quoteId: market.a.held, key });
  expect(server.log()).not.toContain(key);
  expect(server.log()).not.toContain(token);
});
