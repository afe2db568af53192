/**
 * What people ask of bookings: who arrives, stays and leaves on a day, what a guest has before and behind
 * them, each with a count; and that each question is answered by an index, however many bookings there are.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { copyRow } from "../helpers/copies.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

const STATUSES = ["CONFIRMED", "CONFIRMED", "COMPLETED", "CANCELLED", "EXPIRED"];

/** One stay in so many waits for its host's answer. */
const REQUEST_EVERY = 1000;

/** The n-th of the copied stays: local dates, and the status they are in. */
const stay = (n: number) => ({
  checkIn: new Date(Date.UTC(2031, 0, 1 + (n % 199))).toISOString().slice(0, 10),
  checkOut: new Date(Date.UTC(2031, 0, 3 + (n % 199))).toISOString().slice(0, 10),
  status: n % REQUEST_EVERY === 0 ? "REQUESTED" : (STATUSES[n % STATUSES.length] ?? ""),
});
const COPIES = 10_000;

beforeAll(async () => {
  market = await buildMarket(database);
  const root = new pg.Client({ connectionString: database.rootUrl });
  await root.connect();
  // Copies of one stay of A's host and guest, without what would keep them from being so many.
  await root.query("set session_replication_role = replica");
  await copyRow(
    root,
    "app_public.bookings",
    `listing_id = '${market.a.booked}'`,
    COPIES,
    `'id', uuidv7(), 'quote_id', gen_random_uuid(), 'idempotency_key', 'copied-' || n,
     'check_in', date '2031-01-01' + n % 199, 'check_out', date '2031-01-03' + n % 199,
     'answer_due_at', now() + interval '1 day',
     'status', case when n % ${REQUEST_EVERY} = 0 then 'requested'
       else (array['confirmed', 'confirmed', 'completed', 'cancelled', 'expired'])[1 + n % 5]
     end`,
  );
  await root.query("analyze app_public.bookings");
  await root.end();
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

const DAY = "2031-03-10";
const SOLD = { in: ["CONFIRMED", "COMPLETED"] };
const all = Array.from({ length: COPIES }, (_, index) => stay(index + 1));
const isSold = ({ status }: { status: string }): boolean => SOLD.in.includes(status);

type Filter = Readonly<Record<string, unknown>>;
const count = async (as: string, field: string, filter: Filter): Promise<[number, number]> => {
  const { me } = await server.signedIn(as).query<{
    me: Record<string, { totalCount: number; nodes: { id: string }[] }>;
  }>(
    `query ($filter: BookingFilter) {
      me { ${field}(filter: $filter, first: 100, orderBy: [CHECK_IN_ASC]) {
        totalCount nodes { id } } }
    }`,
    { filter },
  );
  const found = me[field];
  return [found?.totalCount ?? -1, found?.nodes.length ?? -1];
};

describe("with the host's bookings", () => {
  test.each<[string, Filter, (one: ReturnType<typeof stay>) => boolean]>([
    ["who arrives", { checkIn: { equalTo: DAY } }, ({ checkIn }) => checkIn === DAY],
    ["who leaves", { checkOut: { equalTo: DAY } }, ({ checkOut }) => checkOut === DAY],
    [
      "who stays the night",
      { checkIn: { lessThanOrEqualTo: DAY }, checkOut: { greaterThan: DAY } },
      ({ checkIn, checkOut }) => checkIn <= DAY && checkOut > DAY,
    ],
  ])("%s on a day", async (_, filter, holds) => {
    const expected = all.filter((one) => isSold(one) && holds(one)).length;
    expect(expected).toBeGreaterThan(20);
    const asked = { status: SOLD, ...filter };
    expect(await count(market.a.host, "bookingsAsHost", asked)).toEqual([
      expected,
      Math.min(expected, 100),
    ]);
    expect(await count(market.b.host, "bookingsAsHost", asked)).toEqual([0, 0]);
  });

  test("of one listing, and by status", async () => {
    const here = { listingId: { equalTo: market.a.booked }, status: { equalTo: "CANCELLED" } };
    const [total] = await count(market.a.host, "bookingsAsHost", here);
    expect(total).toBe(all.filter(({ status }) => status === "CANCELLED").length);
    const there = { ...here, listingId: { equalTo: market.a.held } };
    expect(await count(market.a.host, "bookingsAsHost", there)).toEqual([1, 1]);
  });
});

test("with the guest's bookings: what is to come, and what is over", async () => {
  const coming = { status: SOLD, checkOut: { greaterThan: DAY, lessThan: "2031-12-01" } };
  const past = { status: SOLD, checkOut: { lessThanOrEqualTo: DAY, greaterThan: "2030-12-01" } };
  const [[comes], [isOver]] = await Promise.all([
    count(market.a.guest, "bookingsAsGuest", coming),
    count(market.a.guest, "bookingsAsGuest", past),
  ]);
  expect(comes).toBe(all.filter((one) => isSold(one) && one.checkOut > DAY).length);
  expect(isOver).toBe(all.filter((one) => isSold(one) && one.checkOut <= DAY).length);
  expect(await count(market.b.guest, "bookingsAsGuest", coming)).toEqual([0, 0]);
});

/** What a question finds, and how many pages of 8 kB were touched for it. */
async function costOf(person: string, where: string): Promise<{ found: number; pages: number }> {
  return await database.withVisitor(person, async (client) => {
    const { rows } = await client.query<{
      "QUERY PLAN": [{ Plan: Record<"Actual Rows" | "Shared Hit Blocks", number> }];
    }>(
      `explain (analyze, buffers, format json)
       select * from app_public.bookings where ${where.replaceAll("$1", `'${person}'`)}`,
    );
    const plan = rows[0]?.["QUERY PLAN"][0].Plan;
    if (plan === undefined) throw new Error("There is no plan.");
    return { found: plan["Actual Rows"], pages: plan["Shared Hit Blocks"] };
  });
}

// A condition that is not leakproof, as "=" of enums is, may not use an index under row-level
// security: what an owner's plan promises says nothing.
describe("as the person who asks, not all bookings are read for", () => {
  test.each<[string, "host" | "guest", string]>([
    ["arrivals", "host", `host_id = $1 and check_in = '${DAY}'`],
    ["departures", "host", `host_id = $1 and check_out = '${DAY}'`],
    ["what waits for an answer", "host", "host_id = $1 and status = 'requested'"],
    ["what is to come", "guest", "guest_id = $1 and check_out > '2031-07-18'"],
  ])("%s", async (_, side, where) => {
    const { found, pages } = await costOf(market.a[side], where);
    expect(found).toBeGreaterThan(0);
    expect(pages).toBeLessThanOrEqual(found + 10);
  });

  test("while what has no index reads them all", async () => {
    const { pages } = await costOf(market.a.host, "host_id = $1 and guests = 77");
    expect(pages).toBeGreaterThan(100);
  });
});
