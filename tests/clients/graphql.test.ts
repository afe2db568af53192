/** GraphQL through the typed client: types of a document's text, and the manners that REST has. */
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Book, Find, MakeQuote, MyStays } from "../../clients/typescript/examples/documents.ts";
import { gql } from "../../clients/typescript/src/graphql.ts";
import { createStaybase, newKey, StaybaseError } from "../../clients/typescript/src/index.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";
import { offerListing, stayIn } from "../story/stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let url: string;
let guest: Person;
let listingId: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  [url = ""] = marketplace.servers;
  const host = await signUp(marketplace, url, "Hana");
  guest = await signUp(marketplace, url, "Gus");
  listingId = await offerListing(host.client);
});

afterAll(async () => {
  await marketplace?.dispose();
});

const EXAMPLE = new URL("../../clients/typescript/examples/graphql.ts", import.meta.url).pathname;

test("the example finds, quotes and books", async () => {
  const env = {
    PATH: process.env.PATH,
    STAYBASE_URL: url,
    STAYBASE_EMAIL: guest.email,
    STAYBASE_PASSWORD: PASSWORD,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], { env });
  expect(stdout).toMatch(/found {4}House above the river: \d+ EUR/);
  expect(stdout).toMatch(/booked {3}[\w-]+: PENDING_PAYMENT/);
  expect(stdout).toMatch(/mine {5}[\w-]+: PENDING_PAYMENT from \d{4}-/);
});

test("the types of variables and answers follow from the text", async () => {
  const { graphql } = createStaybase({ url });
  const Currencies = gql("query ($first: Int) { currencies(first: $first) { code chargeStep } }");
  const { currencies } = await graphql(Currencies, { first: 1 });
  const code: string | undefined = currencies?.[0]?.code;
  const step: number | undefined = currencies?.[0]?.chargeStep;
  expect([code, step]).toEqual([expect.any(String), expect.any(Number)]);
  const all = await graphql(Currencies);
  expect(all.currencies?.length).toBeGreaterThan(1);
  // @ts-expect-error The answer has what was asked for.
  expect(currencies?.[0]?.minorUnits).toBeUndefined();
  // @ts-expect-error A number is needed.
  await expect(graphql(Currencies, { first: "many" })).rejects.toThrow(StaybaseError);
  // @ts-expect-error The box is missing.
  await expect(graphql(Find)).rejects.toThrow(StaybaseError);
});

describe("errors", () => {
  test("have the code, the status, the fields and the path of the server", async () => {
    const { graphql } = createStaybase({ url });
    const input = { listingId, ...stayIn(30, 2), guests: 2 };
    const stranger = graphql(MakeQuote, { input });
    await expect(stranger).rejects.toBeInstanceOf(StaybaseError);
    await expect(stranger).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      status: 401,
      path: ["createQuote"],
      message: expect.stringMatching(/\w+ \w+/),
    });
    const box = { west: 0, south: 1, east: 2, north: -1 };
    const wrong = graphql(Find, { ...box, ...stayIn(30, 2), guests: 2 });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_BOX", status: 400 });
    const { graphql: asGuest, signIn } = createStaybase({ url });
    await signIn(guest.email, PASSWORD);
    const backwards = asGuest(MakeQuote, {
      input: { ...input, checkIn: input.checkOut, checkOut: input.checkIn },
    });
    await expect(backwards).rejects.toMatchObject({
      code: "INVALID_STAY",
      fields: expect.arrayContaining(["checkOut"]),
    });
  });
});

test("a session is refreshed for GraphQL as for REST", async () => {
  const first = await createStaybase({ url }).signIn(guest.email, PASSWORD);
  const heard: unknown[] = [];
  const { graphql, rest } = createStaybase({
    url,
    session: { ...first, accessToken: "no.longer.good" },
    onSession: (session) => heard.push(session),
  });
  const [{ me }, { response }] = await Promise.all([graphql(MyStays, {}), rest.GET("/me")]);
  expect(me?.bookingsAsGuest.totalCount).toEqual(expect.any(Number));
  expect(response.status).toBe(200);
  expect(heard).toHaveLength(1);
});

describe("a server that fails for a moment", () => {
  let server: Server;
  let asked = 0;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      asked += 1;
      const [status, answer] = asked === 1 ? [503, {}] : [200, { data: { done: true } }];
      const headers = { "content-type": "application/json", "retry-after": "0" };
      response.writeHead(status, headers).end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterAll(() => void server.close());

  const client = () => {
    const { port } = server.address() as AddressInfo;
    asked = 0;
    return createStaybase({ url: `http://127.0.0.1:${port}` });
  };
  const quoteId = "00000000-0000-4000-8000-000000000404";
  const Literal = gql(`mutation ($quoteId: UUID!, $key: String!) {
    createBooking(input: { quoteId: $quoteId, idempotencyKey: $key }) { booking { id } } }`);
  const Mixed = gql(`mutation ($book: CreateBookingInput!, $quote: CreateQuoteInput!) {
    createBooking(input: $book) { booking { id } } createQuote(input: $quote) { quote { id } } }`);
  const order = { listingId: quoteId, checkIn: "2031-01-01", checkOut: "2031-01-03", guests: 1 };
  const book = { quoteId, idempotencyKey: newKey() };

  test("is asked again by a query, and by a mutation that has a key", async () => {
    await expect(client().graphql(MyStays, {})).resolves.toEqual({ done: true });
    expect(asked).toBe(2);
    await client().graphql(Book, { input: book });
    expect(asked).toBe(2);
    await client().graphql(Literal, { quoteId, key: newKey() });
    expect(asked).toBe(2);
  });

  test("is asked once where a second time could have a second effect", async () => {
    const quoted = client().graphql(MakeQuote, { input: order });
    await expect(quoted).rejects.toMatchObject({ status: 503, code: undefined });
    expect(asked).toBe(1);
    const mixed = client().graphql(Mixed, { book, quote: order });
    await expect(mixed).rejects.toMatchObject({ status: 503 });
    expect(asked).toBe(1);
  });
});
