/** What took how long, for those who may know; and that a document is planned once. */
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { LIMITS } from "../../src/graphql/limits/limits.ts";
import { cases } from "../helpers/cases.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
  // With the first plan of a process our cache takes the place of Grafast's.
  await server.stranger.query("{ amenities { code } }");
});
afterAll(() => server.dispose());

async function timing(
  query: string,
  variables: object = {},
  token?: string,
  at = server,
): Promise<string | null> {
  const answer = await fetch(`${at.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const { errors } = (await answer.json()) as { errors?: unknown };
  expect(errors).toBeUndefined();
  return answer.headers.get("server-timing");
}

describe("Server-Timing", () => {
  test("says what was read, planned and asked", async () => {
    const query = "query Timed { currencies { code } }";
    const first = await timing(query);
    expect(first).toMatch(
      /^parse;dur=[\d.]+;desc=".*", plan;dur=[\d.]+;desc="new", sql;dur=[\d.]+;desc="statements: 1", cache;desc="miss"$/,
    );
    expect(await timing(query)).toContain('desc="kept"');
    const { guest } = market.a;
    const own = await timing("{ me { id } }", {}, server.tokenOf(guest));
    expect(own).toContain('cache;desc="private"');
  });

  test("is in production for operators alone", async () => {
    const production = await openGraphqlServer(database, { environment: "production" });
    try {
      const query = "{ currencies { code } }";
      const [guest, operator] = [
        production.tokenOf(market.a.guest),
        production.tokenOf(market.operator, "operator"),
      ];
      expect(await timing(query, {}, undefined, production)).toBeNull();
      expect(await timing(query, {}, guest, production)).toBeNull();
      expect(await timing(query, {}, operator, production)).toContain("sql;dur=");
    } finally {
      await production.dispose();
    }
  });
});

describe("a document is planned once", () => {
  const id = fc.uuid({ version: 4 });
  const day = fc
    .integer({ min: 1, max: 28 })
    .map((each) => `2031-0${(each % 9) + 1}-0${(each % 9) + 1}`);
  const DOCUMENTS: readonly (readonly [what: string, query: string, fc.Arbitrary<object>])[] = [
    [
      "a listing page",
      `query ($id: UUID!, $reviews: Int) { listing(id: $id) { id title host { id displayName }
        photos { url } reviews(first: $reviews) { nodes { comment } } } }`,
      fc.record({ id, reviews: fc.integer({ min: 1, max: 20 }) }, { requiredKeys: ["id"] }),
    ],
    [
      "a search",
      `query ($west: Float!, $east: Float!, $guests: Int, $checkIn: Date, $checkOut: Date,
          $amenities: [String!], $size: Int) {
        searchListings(west: $west, south: 38, east: $east, north: 39, guests: $guests,
          checkIn: $checkIn, checkOut: $checkOut, amenities: $amenities, pageSize: $size) {
          nodes { listing { id title } } } }`,
      fc
        .record(
          {
            west: fc.double({ min: -10, max: -9, noNaN: true }),
            east: fc.double({ min: -8, max: -7, noNaN: true }),
            guests: fc.integer({ min: 1, max: 8 }),
            size: fc.integer({ min: 1, max: 20 }),
            amenities: fc.subarray(["wifi", "kitchen", "pool"]),
            from: day,
          },
          { requiredKeys: ["west", "east"] },
        )
        .map(({ from, ...rest }) => ({
          ...rest,
          ...(from !== undefined && { checkIn: from, checkOut: `${from.slice(0, 8)}20` }),
        })),
    ],
    [
      "one's bookings",
      `query ($first: Int, $offset: Int, $status: [BookingStatus!]) {
        bookings(first: $first, offset: $offset, filter: { status: { in: $status } }) {
          nodes { id status listing { title } } } }`,
      fc.record(
        {
          first: fc.integer({ min: 1, max: 50 }),
          offset: fc.integer({ min: 0, max: 50 }),
          status: fc.uniqueArray(fc.constantFrom("CONFIRMED", "CANCELLED", "EXPIRED"), {
            minLength: 1,
          }),
        },
        { requiredKeys: ["status"] },
      ),
    ],
  ];

  test.each(DOCUMENTS)("%s, for many sets of variables", async (_what, query, variables) => {
    const token = server.tokenOf(market.a.guest);
    const sets = fc.sample(variables, cases(1000, 100));
    const different = new Set(sets.map((each) => JSON.stringify(each)));
    expect(different.size).toBeGreaterThan(sets.length / 10);
    let plans = 0;
    for (const each of sets) {
      if ((await timing(query, each, token))?.includes('desc="new"')) plans += 1;
    }
    expect(plans).toBe(1);
  });

  test("a directive that leaves something out makes another plan, which the count sees", async () => {
    const query = "query ($more: Boolean!) { currencies { code name @include(if: $more) } }";
    const told = [];
    for (const more of [true, true, false, true]) told.push(await timing(query, { more }));
    expect(told.map((each) => /plan;[^"]*"(\w+)"/.exec(each ?? "")?.[1])).toEqual([
      "new",
      "kept",
      "new",
      "kept",
    ]);
  });
});

test("a plan that took too long in one slow moment is made at once in the next", async () => {
  const { stranger } = server;
  const query = "query Slow { currencies { code name } }";
  const real = performance.now.bind(performance);
  let skipped = 0;
  const clock = jest.spyOn(performance, "now").mockImplementation(() => {
    skipped += LIMITS.planningMs;
    return real() + skipped;
  });
  const slow = await stranger.send(query);
  clock.mockRestore();
  expect(slow.errors.map(({ extensions }) => extensions?.code)).toEqual(["TIMEOUT"]);
  expect((await stranger.send(query)).errors).toEqual([]);
});
