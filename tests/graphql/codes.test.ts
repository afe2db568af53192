/** Claims about codes: each that the database can write has its value in the enum of the API. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CODES } from "../../src/graphql/plugins/codes.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let market: Market;
let server: GraphqlServer;

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

/** Where the database writes the codes, and how it does. */
const SOURCES = {
  LineItemCode: { from: ["app_hidden.stay_line_items"], code: /select \d+, '(\w+)'/g },
  BookabilityCode: {
    from: ["app_public.bookability", "app_hidden.party_faults"],
    code: /\('(\w+)',\s/g,
  },
  PublicationRequirement: {
    from: ["app_hidden.missing_for_publication"],
    code: /then '(\w+)' end/g,
  },
} as const;

async function textOf(names: readonly string[]): Promise<string> {
  const { rows } = await database.owner.query<{ text: string }>(
    `select pg_get_functiondef(p.oid) as text from pg_proc p
     where p.oid::regproc::text = any ($1)`,
    [names],
  );
  return rows.map(({ text }) => text).join();
}

test.each(Object.entries(SOURCES))("%s has every code that is written", async (name, source) => {
  const codes = [...(await textOf(source.from)).matchAll(source.code)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(3);
  const known: readonly string[] = CODES[name as keyof typeof SOURCES];
  expect([...new Set(codes)].toSorted()).toEqual(known.toSorted());
});

test("LedgerTransactionKind has every kind that the table takes", async () => {
  const { rows } = await database.owner.query<{ text: string }>(
    `select pg_get_constraintdef(oid) as text from pg_constraint
     where conrelid = 'app_public.ledger_transactions'::regclass and contype = 'c'`,
  );
  const text = rows.map((row) => row.text).find((candidate) => candidate.includes("late_charge"));
  const kinds = [...(text ?? "").matchAll(/'(\w+)'/g)].map(([, kind]) => kind);
  expect(kinds.toSorted()).toEqual(CODES.LedgerTransactionKind.toSorted());
});

test("codes and rules are read in capitals, figures as they are", async () => {
  const document = `query ($id: UUID!) {
    bookability(listingId: $id, checkIn: "2020-01-01", checkOut: "2020-01-02", guests: 17) { code rule }
    listing(id: $id) { missingForPublication }
    bookings(first: 5) { nodes { quote { lineItems(first: 9) { code rule } }
      ledgerTransactions(first: 5) { nodes { kind } } } }
  }`;
  const host = server.signedIn(market.a.host);
  const data = await host.query<Record<string, unknown>>(document, { id: market.a.draft });
  expect(data.bookability).toEqual(
    expect.arrayContaining([
      { code: "NOT_PUBLISHED", rule: "DRAFT" },
      { code: "TOO_MANY_GUESTS", rule: expect.stringMatching(/^\d+$/) },
      { code: "IN_THE_PAST", rule: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) },
    ]),
  );
  const text = JSON.stringify(data.bookings);
  expect(text).toMatch(/"code":"NIGHTS","rule":"BASE_RATE"/);
  expect(text).toMatch(/"rule":"[\d.]+%"/);
  expect(text).toMatch(/"kind":"CHARGE"/);
});
