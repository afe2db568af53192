/** Claims about what GraphQL refuses to do, however it is asked, and that it says why by a code. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FUNCTIONS, LIMITS } from "../../src/graphql/limits/limits.ts";
import type { GraphqlAnswer } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket } from "../helpers/fixture.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;

beforeAll(async () => {
  await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

const ID = "00000000-0000-4000-8000-000000000404";

const send = (query: string, variables = {}): Promise<GraphqlAnswer<unknown>> =>
  server.stranger.send(query, variables);

async function expectRefusal(query: string, code: string, variables = {}): Promise<void> {
  const answer = await send(query, variables);
  expect({ query: query.slice(0, 100), codes: codesOf(answer), data: answer.data }).toEqual({
    query: query.slice(0, 100),
    codes: [code],
    data: undefined,
  });
  expect(answer.status).toBe(400);
}

describe("a page", () => {
  test("has at most 100 rows, as a literal, in a variable, by default of one, and nested", async () => {
    const most = 2_147_483_647;
    for (const size of ["first: 101", `first: ${most}`, "last: 101", "last: -1", "first: -1"]) {
      await expectRefusal(`{ listings(${size}) { nodes { id } } }`, "PAGE_TOO_LARGE");
      await expectRefusal(
        `{ listings(first: 1) { nodes { reviews(${size}) { nodes { id } } } } }`,
        "PAGE_TOO_LARGE",
      );
    }
    const byVariable = "query ($n: Int) { listings(first: $n) { nodes { id } } }";
    await expectRefusal(byVariable, "PAGE_TOO_LARGE", { n: most });
    await expectRefusal(
      `query ($n: Int = ${most}) { listings(first: $n) { nodes { id } } }`,
      "PAGE_TOO_LARGE",
    );
    await expectRefusal(
      "query ($n: Int) { listings { nodes { photos(first: $n) { id } } } }",
      "PAGE_TOO_LARGE",
      { n: 101 },
    );
    await expectRefusal("{ listings(offset: 10001) { nodes { id } } }", "PAGE_TOO_LARGE");
    await expectRefusal(
      "{ searchListings(west: 0, south: 0, east: 1, north: 1, pageSize: 101) { nodes { cursor } } }",
      "PAGE_TOO_LARGE",
    );
    const answer = await send(byVariable, { n: 100 });
    expect(answer.errors).toEqual([]);
  });

  test("may have no rows, for who wants the total alone", async () => {
    for (const size of ["first: 0", "last: 0"]) {
      const { listings, ...rest } = await server.stranger.query<{
        listings: { nodes: unknown[]; totalCount: number; pageInfo: unknown };
        newest: { nodes: { photos: unknown[] }[] };
      }>(`{
        listings(${size}) { nodes { id } totalCount pageInfo { hasNextPage hasPreviousPage } }
        newest: listings(first: 1) { nodes { photos(first: 0) { id } } }
      }`);
      expect(listings.nodes).toEqual([]);
      expect(listings.totalCount).toBeGreaterThan(0);
      expect(rest.newest.nodes[0]?.photos).toEqual([]);
    }
    await expectRefusal(
      "{ searchListings(west: 0, south: 0, east: 1, north: 1, pageSize: 0) { nodes { cursor } } }",
      "PAGE_TOO_LARGE",
    );
  });

  test("is the same behind a fragment, an alias and a directive", async () => {
    await expectRefusal(
      `query { some: listings { ...page } }
       fragment page on ListingConnection { nodes { ... on Listing { photos(first: 101) { id } } } }`,
      "PAGE_TOO_LARGE",
    );
    await expectRefusal(
      "{ listings(first: 101) @include(if: true) { nodes { id } } }",
      "PAGE_TOO_LARGE",
    );
  });

  test("has 20 rows when nobody says how many", async () => {
    await database.owner.query(
      `insert into app_public.listing_photos (listing_id, url)
       select l.id, 'https://photos.example/' || n
       from (select id from app_public.listings where status = 'published' limit 1) l,
         generate_series(1, 90) n`,
    );
    await database.owner.query(
      `insert into app_public.listings (host_id, title, status)
       select u.id, 'Flat ' || n, 'published'
       from (select id from app_public.users limit 1) u, generate_series(1, 30) n`,
    );
    const { listings } = await server.stranger.query<{
      listings: { totalCount: number; nodes: { photos: unknown[] }[] };
    }>("{ listings { totalCount nodes { photos { id } } } }");
    expect(listings.totalCount).toBeGreaterThan(LIMITS.pageDefault);
    expect(listings.nodes).toHaveLength(LIMITS.pageDefault);
    // A plain list has no second page: it comes whole, up to the cap.
    expect(Math.max(...listings.nodes.map(({ photos }) => photos.length))).toBe(91);
    const last = await server.stranger.query<typeof data>("{ listings(last: 3) { nodes { id } } }");
    const data = { listings: { nodes: [] as unknown[] } };
    expect(last.listings.nodes).toHaveLength(3);
  });

  test("goes forwards or backwards, by a cursor of its own list", async () => {
    await expectRefusal("{ listings(first: 2, last: 2) { nodes { id } } }", "INVALID_INPUT");
    await expectRefusal('{ listings(first: 2, before: "x") { nodes { id } } }', "INVALID_INPUT");
    const answer = await send('{ listings(first: 2, after: "x") { nodes { id } } }');
    expect(codesOf(answer)).toEqual(["INVALID_CURSOR"]);
    const { listings } = await server.stranger.query<{
      listings: { pageInfo: { endCursor: string } };
    }>("{ listings(first: 2) { pageInfo { endCursor } } }");
    const { endCursor } = listings.pageInfo;
    const next = "query ($c: Cursor) { listings(first: 2, after: $c) { nodes { id } } }";
    expect((await send(next, { c: endCursor })).errors).toEqual([]);
    const elsewhere =
      "query ($c: Cursor) { listings(first: 2, after: $c, orderBy: HOST_ID_ASC) { nodes { id } } }";
    expect(codesOf(await send(elsewhere, { c: endCursor }))).toEqual(["INVALID_CURSOR"]);
  });
});

describe("an operation", () => {
  test("what is left out costs nothing, and what is included costs as before", async () => {
    const document = (directive: string): string =>
      `query ($yes: Boolean! = true, $no: Boolean! = false) { __typename @include(if: $yes)
        city: __typename @skip(if: $no) listings(first: 100) { nodes {
        id reviews(first: 100) ${directive} { nodes { id author { id
          reviewsWritten(first: 100) { nodes { id } } } } } } } }`;
    const variables = { yes: true, no: false };
    for (const directive of ["@include(if: $no)", "@skip(if: $yes)", "@include(if: false)"]) {
      const { errors } = await send(document(directive), variables);
      expect([directive, errors]).toEqual([directive, []]);
    }
    for (const directive of ["", "@include(if: $yes)", "@skip(if: $no)", "@skip(if: false)"]) {
      await expectRefusal(document(directive), "QUERY_TOO_COMPLEX", variables);
    }
  });

  test("asks for at most 10,000 rows, nested pages multiplied", async () => {
    const nested = (inner: number): string =>
      `{ listings(first: 100) { nodes { reviews(first: ${inner}) { nodes { id } } } } }`;
    await expectRefusal(nested(100), "QUERY_TOO_COMPLEX");
    expect((await send(nested(90))).errors).toEqual([]);
  });

  test("counts for a page without a size what such a page may have", async () => {
    const photos = (listings: number, size = ""): string =>
      `{ listings(first: ${listings}) { nodes { photos${size} { id } } } }`;
    // A plain list has up to 100 rows, a connection 20: 99 and 9900, 100 and 10,000, 100 and 2000.
    expect((await send(photos(99))).errors).toEqual([]);
    await expectRefusal(photos(100), "QUERY_TOO_COMPLEX");
    expect((await send(photos(100, "(first: 20)"))).errors).toEqual([]);
    const reviews = "{ listings(first: 100) { nodes { reviews { nodes { id } } } } }";
    expect((await send(reviews)).errors).toEqual([]);
    const search = "searchListings(west: 0, south: 0, east: 1, north: 1)";
    expect((await send(`{ ${search} { nodes { listing { photos { id } } } } }`)).errors).toEqual(
      [],
    );
  });

  test.each([
    "{ booking(id: $id) { payments { refunds { amount } } } }",
    `{ me { bookingsAsHost(first: 100) { nodes {
       events { toStatus } reviews { rating }
       payments { refunds { amount } } quote { lineItems { amount } }
     } } } }`,
    "{ listings(first: 100) { nodes { title amenities { amenity { name } } } } }",
    "{ listings { nodes { photos { url } amenities { amenity { name } } reviews { totalCount } } } }",
    "{ bookings(first: 100) { nodes { ledgerTransactions { nodes { kind } } } } }",
    "{ ledgerAccounts { nodes { entries { nodes { transaction { entries { amount } } } } } } }",
    "{ amenities { name } currencies { code } }",
  ])("that is a plain question is answered: %s", async (question) => {
    const head = question.includes("$id") ? "query ($id: UUID!) " : "";
    const answer = await send(`${head}${question}`, { id: ID });
    expect(answer.errors).toEqual([]);
  });

  test.each([
    ["{ listings(first: 100) { nodes { photos { id } } } }", "listings.nodes.photos"],
    [
      `{ a: listings(first: 50) { edges { node { all: photos(first: 100) { id } } } }
         listings(first: 100) { nodes { photos(first: 90) { id } } } }`,
      "listings.nodes.photos",
    ],
    [
      `{ listings(first: 100) { nodes { ...f } } }
       fragment f on Listing { reviews(first: 100) { nodes { id } } }`,
      "listings.nodes.reviews",
    ],
    [
      `{ bookings(first: 100) { nodes { payments(first: 100) { refunds(first: 100) { id } }
         listing { photos { id } } } } }`,
      "bookings.nodes.listing.photos",
    ],
    [
      `{ me { bookingsAsHost(first: 100) { nodes {
         guest { quotes(first: 100) { nodes { id } } } } } } }`,
      "me.bookingsAsHost.nodes.guest.quotes",
    ],
  ])("that asks for too many rows learns which list to bound: %s", async (query, field) => {
    const answer = await send(query);
    expect(answer.data).toBeUndefined();
    expect(answer.errors).toMatchObject([
      { extensions: { code: "QUERY_TOO_COMPLEX", details: { rows: LIMITS.rows, field } } },
    ]);
    expect(answer.errors[0]?.message).toContain(field);
  });

  const NIGHTS = 'takenNights(fromDate: "2031-01-01", toDate: "2031-04-01")';
  const AGES = 'takenNights(fromDate: "2031-01-01", toDate: "2033-03-11")';
  const SEARCH = "searchListings(west: 0, south: 0, east: 1, north: 1) { nodes { cursor } }";

  test("pays for a function with its nights, for each row that has it", async () => {
    for (const query of [
      `{ listings(first: 100) { nodes { ${NIGHTS} } } }`,
      `{ listing(id: "${ID}") { ${AGES} } }`,
      `{ listings(first: 10) { nodes { ${AGES} } } }`,
    ]) {
      expect((await send(query)).errors).toEqual([]);
    }
    const field = "listings.nodes.takenNights";
    for (const query of [
      `{ listings(first: 100) { nodes { ${AGES} } } }`,
      `{ listings { nodes { ${AGES} } } }`,
      `{ listings { nodes { ...f } } } fragment f on Listing { ${AGES} }`,
    ]) {
      const answer = await send(query);
      expect(answer.data).toBeUndefined();
      expect(answer.errors).toMatchObject([
        { extensions: { code: "QUERY_TOO_COMPLEX", details: { field } } },
      ]);
    }
    const byVariable = `query ($to: Date!) {
      listings { nodes { takenNights(fromDate: "2010-01-01", toDate: $to) } }
    }`;
    await expectRefusal(byVariable, "QUERY_TOO_COMPLEX", { to: "2012-01-01" });
    await expectRefusal(byVariable, "QUERY_TOO_COMPLEX", { to: "2099-01-01" });
    expect((await send(byVariable, { to: "2010-02-01" })).errors).toEqual([]);
  });

  test("asks once a place for what is heavy, and searches three times at most", async () => {
    await expectRefusal(
      `{ listing(id: "${ID}") { ${NIGHTS} other: ${NIGHTS} } }`,
      "QUERY_TOO_COMPLEX",
    );
    await expectRefusal(
      `{ listing(id: "${ID}") { ${NIGHTS} ...f } } fragment f on Listing { other: ${NIGHTS} }`,
      "QUERY_TOO_COMPLEX",
    );
    // The same name is the same call, which fragments may repeat.
    const again = `{ listing(id: "${ID}") { ${NIGHTS} ...f } } fragment f on Listing { ${NIGHTS} }`;
    expect((await send(again)).errors).toEqual([]);
    const searches = (count: number): string =>
      `{ ${Array.from({ length: count }, (_item, index) => `s${index}: ${SEARCH}`).join(" ")} }`;
    expect((await send(searches(3))).errors).toEqual([]);
    await expectRefusal(searches(4), "QUERY_TOO_COMPLEX");
  });

  test("finds the cost of every function that clients may ask", async () => {
    const { rows } = await database.owner.query<{ place: string }>(
      `select coalesce(
           initcap(regexp_replace(t.relname, 's$', '')) || '.'
             || substr(p.proname, length(t.relname) + 2),
           'Query.' || p.proname) as place
       from pg_proc p
       left join pg_class t on t.reltype = p.proargtypes[0] and t.relkind = 'r'
       where p.pronamespace = 'app_public'::regnamespace and p.provolatile <> 'v'
         and has_function_privilege($1, p.oid, 'EXECUTE') and p.proname <> 'current_user_id'`,
      [database.config.database.operator],
    );
    const camel = (name: string): string =>
      name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    // quote() is called stayPrice there: a quote is an offer that is kept.
    const named = (place: string): string =>
      place === "Query.quote" ? "Query.stayPrice" : camel(place);
    expect(rows.map(({ place }) => named(place)).toSorted()).toEqual(
      Object.keys(FUNCTIONS).toSorted(),
    );
  });

  test("counts for the whole catalogue no fewer rows than it has", async () => {
    const { rows } = await database.owner.query<{ amenities: number; currencies: number }>(
      `select (select count(*)::integer from app_public.amenities) as amenities,
         (select count(*)::integer from app_public.currencies) as currencies`,
    );
    expect(rows[0]?.amenities).toBeLessThanOrEqual(60);
    expect(rows[0]?.currencies).toBeLessThanOrEqual(50);
  });

  test("has bounded tokens, aliases, root fields, directives and depth", async () => {
    const many = (count: number, write: (index: number) => string): string =>
      Array.from({ length: count }, (_item, index) => write(index)).join(" ");
    const host = "listings { nodes { host { ";
    const refused = [
      `{ me { id } ${many(2000, () => "id")} }`,
      `{ me { ${many(60, (index) => `a${index}: id`)} } }`,
      `{ ${many(25, (index) => `a${index}: me { id }`)} }`,
      `{ me { id ${many(51, () => "@include(if: true)")} } }`,
      `{ me { ${host.repeat(6)} id ${"} } }".repeat(6)} } }`,
      `query { ...a } ${many(12, (index) => {
        const next = String.fromCharCode(98 + index);
        return `fragment ${String.fromCharCode(97 + index)} on Query { ...${next} ...${next} }`;
      })} fragment m on Query { me { id } }`,
    ];
    for (const query of refused) await expectRefusal(query, "QUERY_TOO_COMPLEX");
    // Each two of a name, and each two fragments, are compared; forty are no matter.
    const inListing = (text: string): string => `{ listing(id: "${ID}") { ${text} } }`;
    const spreads = (count: number): string =>
      `${inListing(many(count, (index) => `...f${index}`))}
       ${many(count, (index) => `fragment f${index} on Listing { id }`)}`;
    for (const query of [
      inListing(many(490, () => "host{id}")),
      inListing(many(300, () => "...on Listing{id}")),
      inListing(many(20, () => `host { ${many(20, () => "id")} }`)),
      spreads(150),
    ]) {
      await expectRefusal(query, "QUERY_TOO_COMPLEX");
    }
    for (const query of [inListing(many(40, () => "host { id }")), spreads(40)]) {
      expect((await send(query)).errors).toEqual([]);
    }
    const fragments = "fragment a on Query { ...b } fragment b on Query { ...a }";
    const cycle = await send(`{ ...a } ${fragments}`);
    expect(new Set(codesOf(cycle))).toEqual(new Set(["INVALID_INPUT"]));
  });

  test("with 10,000 aliases is refused by its size or its tokens", async () => {
    const aliases = (count: number): string =>
      `{ ${Array.from({ length: count }, (_item, index) => `a${index}:me{id}`).join(" ")} }`;
    await expectRefusal(aliases(5000), "QUERY_TOO_COMPLEX");
    const answer = await send(aliases(10_000));
    expect(["QUERY_TOO_COMPLEX", "PAYLOAD_TOO_LARGE"]).toContain(codesOf(answer)[0]);
  });

  test("names fields and values that exist", async () => {
    await expectRefusal("{ secrets { id } }", "INVALID_INPUT");
    await expectRefusal("{ listings { nodes { ownerId } } }", "INVALID_INPUT");
    await expectRefusal('{ listing(id: "1") { id } }', "INVALID_INPUT");
    await expectRefusal("query ($id: UUID!) { listing(id: $id) { id } }", "INVALID_INPUT", {
      id: "not-a-uuid",
    });
    await expectRefusal("{ listings { nodes { id }", "INVALID_INPUT");
    await expectRefusal("{ listings(filter: { title: {} }) { nodes { id } } }", "INVALID_INPUT");
  });

  test("does not aggregate listings, which are others'", async () => {
    await expectRefusal("{ listings { aggregates { keys } } }", "INVALID_INPUT");
  });
});

describe("a request", () => {
  const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
  const codeOf = async (response: Response): Promise<unknown> => {
    const body = (await response.json()) as { errors: { extensions: { code: string } }[] };
    return body.errors[0]?.extensions.code;
  };

  test("of 5 MB is refused, whether it says its length or not", async () => {
    const body = JSON.stringify({ query: "{ me { id } }", padding: "x".repeat(5_000_000) });
    const announced = await post(body);
    expect(announced.status).toBe(413);
    expect(await codeOf(announced)).toBe("PAYLOAD_TOO_LARGE");
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(body.slice(0, 200_000)));
        controller.close();
      },
    });
    const init = { method: "POST", body: stream, duplex: "half" } as const;
    const headers = { "content-type": "application/json" };
    const unannounced = await fetch(`${server.url}/graphql`, { ...init, headers });
    expect(unannounced.status).toBe(413);
    expect(await codeOf(unannounced)).toBe("PAYLOAD_TOO_LARGE");
  });

  test("is JSON by POST, so that no other site's form can send it", async () => {
    const query = JSON.stringify({ query: "{ me { id } }" });
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      const response = await post(query, { "content-type": type });
      expect(response.status).toBe(415);
      expect(await codeOf(response)).toBe("UNSUPPORTED_MEDIA_TYPE");
    }
    const get = await fetch(`${server.url}/graphql?query={me{id}}`);
    expect(get.status).toBe(405);
    expect(await codeOf(get)).toBe("METHOD_NOT_ALLOWED");
    for (const body of ["{", "[]", "null", '{"query": 1}']) {
      const response = await post(body);
      expect(response.status).toBe(400);
      expect(await codeOf(response)).toBe("INVALID_INPUT");
    }
    const batch = await post(`[${query},${query}]`);
    expect(batch.status).toBe(400);
  });
});

test("production answers no introspection, gives no hints and has no GraphiQL", async () => {
  const production = await openGraphqlServer(database, { environment: "production" });
  try {
    const introspection = "{ __schema { types { name } } }";
    const refused = await production.stranger.send(introspection);
    expect(codesOf(refused)).toContain("INVALID_INPUT");
    const hint = await production.stranger.send("{ listing { id } lissting { id } }");
    expect(JSON.stringify(hint.errors)).not.toContain("Did you mean");
    // A name, a value and a key that are nearly right, in variables, which are read later.
    const byVariable: [query: string, value: unknown][] = [
      ["query ($v: [ListingOrderBy!]) { listings(orderBy: $v) { totalCount } }", ["ID_ASK"]],
      ["query ($v: ListingFilter) { listings(filter: $v) { totalCount } }", { hostIds: null }],
      [
        "mutation ($v: CreateQuoteInput!) { createQuote(input: $v) { quote { id } } }",
        { listing: 1 },
      ],
    ];
    for (const [query, v] of byVariable) {
      const quiet = await production.stranger.send(query, { v });
      expect(codesOf(quiet)).toContain("INVALID_INPUT");
      expect(JSON.stringify(quiet.errors)).not.toContain("Did you mean");
      const helpful = await server.stranger.send(query, { v });
      expect(JSON.stringify(helpful.errors)).toContain("Did you mean");
    }
    expect((await fetch(`${production.url}/graphiql`)).status).toBe(404);
    expect(await production.stranger.query("{ __typename }")).toEqual({ __typename: "Query" });
    expect((await server.stranger.send(introspection)).errors).toEqual([]);
    expect((await fetch(`${server.url}/graphiql`)).status).toBe(200);
  } finally {
    await production.dispose();
  }
});

test("what is coded is paid for, each time that it is asked", async () => {
  /** What a document costs somebody who has asked for nothing yet. */
  const costOf = async (query: string, address: string): Promise<number> => {
    const { headers } = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-for": address },
      body: JSON.stringify({ query }),
    });
    const [, left = ""] = /r=(\d+)/.exec(headers.get("ratelimit") ?? "") ?? [];
    return LIMITS.costPerTenSeconds - Number(left);
  };
  const times = (count: number): string =>
    Array.from({ length: count }, (_, index) => `a${index}: oidcProviders { name }`).join(" ");
  expect(await costOf("{ __typename }", "203.0.113.70")).toBeLessThan(LIMITS.codedCost);
  for (const count of [1, 4]) {
    const cost = await costOf(`{ ${times(count)} }`, `203.0.113.7${count}`);
    expect(Math.floor(cost / LIMITS.codedCost)).toBe(count);
  }
  const login = 'logIn(input: { email: "nobody@example.com", password: "none" }) { userId }';
  const cost = await costOf(`mutation { a: ${login} b: ${login} }`, "203.0.113.79");
  expect(Math.floor(cost / LIMITS.codedCost)).toBe(2);
});
