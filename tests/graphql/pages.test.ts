/**
 * Claims about walking a list page by page: whatever the order, the direction and the size of the
 * pages, each row comes once, in one sequence, also where rows tie and where values are missing.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  buildClientSchema,
  type GraphQLField,
  type GraphQLSchema,
  getIntrospectionQuery,
  getNamedType,
  type IntrospectionQuery,
  isEnumType,
  isObjectType,
} from "graphql";
import pg from "pg";
import { makeSchema } from "postgraphile";
import { grafast } from "postgraphile/grafast";
import { createPreset } from "../../src/graphql/preset.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { copyRow } from "../helpers/copies.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { seeded } from "../helpers/random.ts";
import { type GraphqlServer, openGraphqlServer, SESSION } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;
let schema: GraphQLSchema;
/** The parents of the rows below, by their types. */
let parents: Readonly<Record<string, string>>;

/** How many rows each list has, about. No page size of the walks divides it. */
const ROWS = 23;

beforeAll(async () => {
  market = await buildMarket(database);
  parents = await fill();
  server = await openGraphqlServer(database);
  const answer = await server.stranger.query<IntrospectionQuery>(getIntrospectionQuery());
  schema = buildClientSchema(answer);
});
afterAll(() => server.dispose());

/** Copies rows of the market, so that they tie in most columns and lack values in some. */
async function fill(): Promise<Record<string, string>> {
  const root = new pg.Client({ connectionString: database.rootUrl });
  await root.connect();
  try {
    // Neither triggers nor foreign keys: a page does not ask whether its rows make sense.
    await root.query("set session_replication_role = replica");
    const { a, b } = market;
    const one = async (text: string, values: unknown[] = []): Promise<string> =>
      ((await root.query<{ id: string }>(text, values)).rows[0] as { id: string }).id;
    const booking = await one("select id from app_public.bookings where listing_id = $1", [
      a.booked,
    ]);
    const account = await one(
      "select account_id as id from app_public.ledger_entries order by account_id limit 1",
    );
    const copy = (table: string, where: string, set: string): Promise<void> =>
      copyRow(root, `app_public.${table}`, where, ROWS, set);
    const id = "'id', gen_random_uuid()";
    const either = (column: string, first: string, second: string): string =>
      `'${column}', case when n % 3 = 0 then '${first}' else '${second}' end`;
    const sometimes = (column: string, value: string): string =>
      `'${column}', case when n % 2 = 0 then ${value} end`;
    await copy("suspensions", "true", "'user_id', gen_random_uuid()");
    await copy("audit_entries", "user_id is not null", id);
    await copy("listings", `id = '${a.booked}'`, `${id}, ${either("host_id", b.host, a.host)}`);
    await copy(
      "unknown_charges",
      "true",
      `${id}, 'stripe_payment_intent_id', 'pi_copied_' || n,
       'stripe_charge_id', 'ch_copied_' || n, ${either("status", "failed", "succeeded")}`,
    );
    await copy(
      "refunds",
      "true",
      `${id}, 'reason', 'Copied ' || n % 2, 'reason_code', 'goodwill', 'amount', n,
       'stripe_refund_id', null, ${either("status", "failed", "requested")}`,
    );
    await copy(
      "bookings",
      `id = '${booking}'`,
      `${id}, 'quote_id', gen_random_uuid(), 'idempotency_key', 'copied-' || n,
       'check_in', date '2031-01-01' + n / 5, 'check_out', date '2031-03-01',
       ${either("guest_id", b.guest, a.guest)}, ${either("currency", "EUR", "USD")}`,
    );
    await copy("quotes", `guest_id = '${a.guest}'`, `${id}, ${either("currency", "EUR", "USD")}`);
    await copy(
      "calendar_claims",
      `listing_id = '${a.booked}'`,
      `${id}, ${sometimes("booking_id", "gen_random_uuid()")}, 'unit_number', 1 + n % 3,
       'nights', daterange(date '2031-01-01' + n, date '2031-01-02' + n),
       'kind', case when n % 2 = 0 then 'booking' else 'block' end`,
    );
    await copy(
      "dated_rates",
      `listing_id = '${a.booked}'`,
      "'nights', daterange(date '2031-01-01' + n * 2, date '2031-01-02' + n * 2)",
    );
    for (const [kind, holder] of [
      ["stripe_balance", "null"],
      ["host_payable", `'${a.host}'`],
    ]) {
      await root.query(
        `insert into app_public.ledger_accounts (kind, user_id, currency)
         select $1::text::app_public.ledger_account_kind, ${holder}, code
         from app_public.currencies order by code limit ${ROWS} on conflict do nothing`,
        [kind],
      );
    }
    await copy(
      "ledger_transactions",
      `booking_id = '${booking}'`,
      `${id}, ${sometimes("booking_id", `'${booking}'`)}, 'external_fact', 'copied:' || n`,
    );
    await copy("ledger_entries", `account_id = '${account}'`, id);
    await copy(
      "reviews",
      `listing_id = '${a.booked}' and published_at is not null`,
      `${id}, ${either("direction", "guest_to_host", "host_to_guest")},
       'booking_id', gen_random_uuid()`,
    );
    return {
      Booking: booking,
      LedgerAccount: account,
      Listing: a.booked,
      ListingRate: a.booked,
      User: a.host,
      Guest: a.guest,
    };
  } finally {
    await root.end();
  }
}

interface Connection {
  readonly name: string;
  readonly document: string;
  readonly orders: readonly string[];
  readonly ids: readonly string[];
}

/** How a row of each type that has lists is reached. */
const ROAD: Readonly<Record<string, (list: string) => string>> = {
  Query: (list) => list,
  Booking: (list) => `booking(id: $id) { ${list} }`,
  LedgerAccount: (list) => `ledgerAccounts(filter: { id: { equalTo: $id } }) { nodes { ${list} } }`,
  Listing: (list) => `listing(id: $id) { ${list} }`,
  ListingRate: (list) => `listing(id: $id) { rates { ${list} } }`,
  User: (list) => `user(id: $id) { ${list} }`,
};

/** What tells rows apart where it is no id. */
const KEYS: Readonly<Record<string, string>> = {
  DatedRateConnection: "listingId nights { start { value } }",
  SuspensionConnection: "userId",
};

function connectionsOf(api: GraphQLSchema): Connection[] {
  return Object.values(api.getTypeMap()).flatMap((type) =>
    isObjectType(type)
      ? Object.values(type.getFields()).flatMap((field) => connectionOf(type.name, field))
      : [],
  );
}

function connectionOf(parent: string, field: GraphQLField<unknown, unknown>): Connection[] {
  const orderBy = field.args.find(({ name }) => name === "orderBy");
  const of = getNamedType(field.type).name;
  if (!of.endsWith("Connection") || orderBy === undefined) return [];
  const road = ROAD[parent];
  if (road === undefined) throw new Error(`ROAD in pages.test.ts has no way to a ${parent}.`);
  const orders = getNamedType(orderBy.type);
  if (!isEnumType(orders)) throw new Error(`${of} is ordered by no enum.`);
  const key = KEYS[of] ?? "id";
  const list = `page: ${field.name}(
    first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy
  ) { totalCount nodes { ${key} } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } }`;
  const id = parent === "Query" ? "" : "$id: UUID!, ";
  return [
    {
      name: `${parent}.${field.name}`,
      document: `query (${id}$first: Int, $after: Cursor, $last: Int, $before: Cursor,
        $orderBy: [${orders.name}!]) { ${road(list)} }`,
      orders: orders.getValues().map(({ name }) => name),
      ids: Object.entries(parents).flatMap(([type, known]) =>
        type === parent || (type === "Guest" && parent === "User") ? [known] : [],
      ),
    },
  ];
}

interface Page {
  readonly totalCount: number;
  readonly nodes: readonly unknown[];
  readonly pageInfo: {
    readonly startCursor: string | null;
    readonly endCursor: string | null;
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
  };
}

type Ask = (document: string, variables: Record<string, unknown>) => Promise<unknown>;

const asOperator: Ask = (document, variables) =>
  server.signedIn(market.operator, "operator").query(document, variables);

/** The page in an answer, wherever it is. */
function pageOf(answer: unknown): Page {
  if (typeof answer !== "object" || answer === null) throw new Error("There is no page.");
  if ("page" in answer) return answer.page as Page;
  return pageOf(Object.values(answer)[0]);
}

interface Walk {
  readonly total: number;
  readonly rows: readonly string[];
}

async function walk(
  ask: Ask,
  connection: Connection,
  id: string | undefined,
  orderBy: readonly string[] | null,
  size: number,
  forwards = true,
): Promise<Walk> {
  let cursor: string | null = null;
  let rows: string[] = [];
  for (let pages = 0; pages < 100; pages += 1) {
    const bounds = forwards ? { first: size, after: cursor } : { last: size, before: cursor };
    const page = pageOf(await ask(connection.document, { id, orderBy, ...bounds }));
    const found = page.nodes.map((node) => JSON.stringify(node));
    rows = forwards ? [...rows, ...found] : [...found, ...rows];
    const { pageInfo } = page;
    const more = forwards ? pageInfo.hasNextPage : pageInfo.hasPreviousPage;
    if (!more || rows.length > page.totalCount + size) return { total: page.totalCount, rows };
    cursor = forwards ? pageInfo.endCursor : pageInfo.startCursor;
  }
  throw new Error(`${connection.name} by ${orderBy} does not end.`);
}

/** Walks in both directions, and compares with the list as it comes in one page. */
async function expectWhole(
  connection: Connection,
  id: string | undefined,
  orderBy: readonly string[] | null,
  size: number,
): Promise<number> {
  const whole = await walk(asOperator, connection, id, orderBy, 100);
  const label = { connection: connection.name, orderBy, size };
  for (const forwards of [true, false]) {
    const { rows } = await walk(asOperator, connection, id, orderBy, size, forwards);
    expect({ ...label, forwards, rows }).toEqual({ ...label, forwards, rows: whole.rows });
  }
  expect({ ...label, rows: new Set(whole.rows).size }).toEqual({ ...label, rows: whole.total });
  return whole.total;
}

test("every order of every connection gives each row once, forwards and backwards", async () => {
  const connections = connectionsOf(schema);
  expect(connections.length).toBeGreaterThan(15);
  for (const connection of connections) {
    // What is ordered by nothing is ordered all the same.
    const orders = [...connection.orders.map((order) => [order]), [], null];
    const ids = connection.ids.length > 0 ? connection.ids : [undefined];
    const walks = ids.flatMap((id) => orders.map((by) => expectWhole(connection, id, by, 11)));
    const totals = await Promise.all(walks);
    // A list of one page would prove nothing.
    expect({ of: connection.name, rows: Math.max(...totals) > 11 }).toEqual({
      of: connection.name,
      rows: true,
    });
  }
});

test("so does every combination of orders, in pages of any size", async () => {
  const connections = connectionsOf(schema);
  const { int, pick } = seeded(16);
  for (let round = 0; round < 60; round += 1) {
    const connection = pick(connections);
    const id = pick(connection.ids.length > 0 ? connection.ids : [undefined]);
    const orderBy = Array.from({ length: int(0, 4) }, () => pick(connection.orders));
    await expectWhole(connection, id, orderBy, int(1, 30));
  }
});

describe("without the plugin of orders", () => {
  let ask: Ask;

  beforeAll(async () => {
    const operator = { userId: market.operator, sessionId: SESSION, role: "operator" } as const;
    const { schema: plain, resolvedPreset } = await makeSchema({
      extends: [
        createPreset({
          pool: database.pool,
          operator: database.config.database.operator,
          logger: createLogger({ level: "silent" }),
          introspection: true,
          clientOf: () => "operator",
          spend: async () => undefined,
          offer: () => undefined,
          identityOf: () => ({
            role: database.config.database.operator,
            viewer: operator,
            network: "192.0.2.1",
          }),
        }),
      ],
      disablePlugins: ["StaybaseOrdersPlugin"],
    });
    ask = async (source, variableValues) => {
      const requestContext = { expressv4: { req: {}, res: {} } } as object;
      const args = { schema: plain, source, variableValues, resolvedPreset, requestContext };
      const result = await grafast(args);
      if (!("data" in result) || result.errors) throw new Error(JSON.stringify(result));
      return result.data;
    };
  });

  test.each([
    ["Query.bookings", "GUEST_ID_ASC"],
    ["Query.ledgerAccounts", "USER_ID_ASC"],
    ["Listing.calendarClaims", "BOOKING_ID_DESC"],
    ["ListingRate.datedRates", "PRIMARY_KEY_ASC"],
  ])("a walk of %s by %s loses its way", async (name, order) => {
    const connection = connectionsOf(schema).find((one) => one.name === name) as Connection;
    const lost = await walk(ask, connection, connection.ids[0], [order], 7).then(
      ({ total, rows }) => new Set(rows).size !== total || rows.length !== total,
      () => true,
    );
    expect(lost).toBe(true);
  });
});
