/**
 * Claims about sums: they say what was asked, or are refused. What adds up unlike currencies, or
 * stays that were paid with stays that were not, is no sum.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { copyRow } from "../helpers/copies.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { seeded } from "../helpers/random.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

beforeAll(async () => {
  market = await buildMarket(database);
  const root = new pg.Client({ connectionString: database.rootUrl });
  await root.connect();
  try {
    // Without triggers, for a stay of each status, in two currencies and three months.
    await root.query("set session_replication_role = replica");
    const statuses = "enum_range(null::app_public.booking_status)";
    const { rows } = await root.query<{ count: number }>(
      `select cardinality(${statuses}) as count`,
    );
    await copyRow(
      root,
      "app_public.bookings",
      `listing_id = '${market.a.booked}'`,
      6 * (rows[0]?.count ?? 0),
      `'id', gen_random_uuid(), 'quote_id', gen_random_uuid(),
       'status', (${statuses})[1 + (n - 1) / 6], 'idempotency_key', 'copied-' || n,
       'answer_due_at', one.created_at,
       'currency', case when n % 2 = 0 then 'JPY' else 'EUR' end,
       'check_in', date '2031-01-28' + (1 + n % 6) * 10,
       'check_out', date '2031-01-30' + (1 + n % 6) * 10, 'total_amount', 1000 * (1 + n % 6),
       'host_amount', 900 * (1 + n % 6), 'platform_amount', 100 * (1 + n % 6)`,
    );
  } finally {
    await root.end();
  }
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

interface Group {
  readonly keys: readonly (string | null)[];
  readonly sum: { readonly hostAmount: string };
}

const SUMS = `query ($filter: BookingFilter, $groupBy: [BookingGroupBy!]!) {
  me { bookingsAsHost(filter: $filter) {
    groupedAggregates(groupBy: $groupBy) { keys sum { hostAmount } }
  } }
}`;

/** What a group is by, in SQL. */
const GROUPS: Readonly<Record<string, string>> = {
  CURRENCY: "currency",
  STATUS: "upper(status::text)",
  CHECK_IN: "check_in::text",
  CHECK_OUT: "check_out::text",
  CHECK_IN_TRUNCATED_TO_MONTH: "date_trunc('month', check_in)::date::text",
  CHECK_OUT_TRUNCATED_TO_MONTH: "date_trunc('month', check_out)::date::text",
  LISTING_ID: "listing_id::text",
};

/** Filters of a client, and what they mean. `decides` where they say which stays count. */
const FILTERS = [
  { filter: {}, where: "true", decides: false },
  { filter: null, where: "true", decides: false },
  { filter: { status: {} }, where: "true", decides: false },
  { filter: { status: { equalTo: null } }, where: "true", decides: false },
  { filter: { status: { isNull: false } }, where: "true", decides: false },
  { filter: { currency: { equalTo: "EUR" } }, where: "currency = 'EUR'", decides: false },
  { filter: { status: { equalTo: "COMPLETED" } }, where: "status = 'completed'", decides: true },
  {
    filter: { status: { in: ["CONFIRMED", "COMPLETED"] }, checkOut: { lessThan: "2031-03-01" } },
    where: "status in ('confirmed', 'completed') and check_out < '2031-03-01'",
    decides: true,
  },
];

test("a sum is what SQL says, or is refused where it would mislead", async () => {
  const { int, pick } = seeded(1);
  const host = server.signedIn(market.a.host);
  const outcomes = new Set<boolean>();
  for (let round = 0; round < 80; round += 1) {
    const names = Object.keys(GROUPS);
    const groupBy = [...new Set(Array.from({ length: int(1, 4) }, () => pick(names)))];
    const { filter, where, decides } = pick(FILTERS);
    const answer = await host.send<{
      me: { bookingsAsHost: { groupedAggregates: Group[] } };
    }>(SUMS, { groupBy, filter });
    const sound = groupBy.includes("CURRENCY") && (decides || groupBy.includes("STATUS"));
    outcomes.add(sound);
    const label = { groupBy, filter };
    const codes = codesOf(answer);
    expect({ ...label, codes }).toEqual({ ...label, codes: sound ? [] : ["INVALID_INPUT"] });
    if (!sound) continue;
    const { rows } = await database.owner.query<{ keys: string[]; sum: string }>(
      `select array[${groupBy.map((name) => GROUPS[name])}] as keys, sum(host_amount)::text
       from app_public.bookings where host_id = $1 and ${where} group by 1`,
      [market.a.host],
    );
    const groups = answer.data?.me.bookingsAsHost.groupedAggregates.map(({ keys, sum }) => ({
      keys,
      sum: sum.hostAmount,
    }));
    const sorted = (list: unknown[] = []): string[] =>
      list.map((row) => JSON.stringify(row)).sort();
    expect({ ...label, groups: sorted(groups) }).toEqual({ ...label, groups: sorted(rows) });
  }
  expect(outcomes.size).toBe(2);
});

test("what a host earned is not what was ever booked", async () => {
  const host = server.signedIn(market.a.host);
  const asked = "{ me { bookingsAsHost { ...sums } } }";
  const sums = (groupBy: string): string =>
    `${asked} fragment sums on BookingConnection {
       groupedAggregates(groupBy: ${groupBy}) { sum { hostAmount } }
     }`;
  expect((await host.send(sums("[CURRENCY]"))).errors).toMatchObject([
    { extensions: { code: "INVALID_INPUT", fields: ["groupBy"] } },
  ]);
  expect(codesOf(await host.send(sums("CURRENCY")))).toEqual(["INVALID_INPUT"]);
  expect(codesOf(await host.send(sums("[STATUS]")))).toEqual(["INVALID_INPUT"]);
  expect((await host.send(sums("[STATUS, CURRENCY]"))).errors).toEqual([]);
});

test("sums of the ledger are by currency; there, every entry counts", async () => {
  const sums = (groupBy: string): string =>
    `{ ledgerAccounts { nodes { entries { groupedAggregates(groupBy: [${groupBy}]) { keys } } } } }`;
  const host = server.signedIn(market.a.host);
  expect(codesOf(await host.send(sums("ACCOUNT_ID")))).toEqual(["INVALID_INPUT"]);
  expect((await host.send(sums("ACCOUNT_ID, CURRENCY"))).errors).toEqual([]);
});
