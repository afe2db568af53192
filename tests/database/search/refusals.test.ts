/** Searches that make no sense, and the code that says why. What a search finds is tested beside it. */
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import { asVisitor, NOON, refusal, stopClock } from "../../helpers/factories.ts";

const database = testDatabase();

beforeAll(() => stopClock(database, NOON));

type Filters = Readonly<Record<string, unknown>>;

const search = (filters: Filters) => {
  const given = { west: -10, south: 38, east: -9, north: 39, ...filters };
  const names = Object.keys(given).map((name, index) => `${name} => $${index + 1}`);
  return asVisitor(
    database,
    null,
    `select listing_id from app_public.search_listings(${names.join(", ")})`,
    Object.values(given),
  );
};

const CASES: readonly (readonly [code: string, Filters])[] = [
  ["SBS01", { south: 40 }],
  ["SBS01", { west: 181 }],
  ["SBS01", { west: "NaN" }],
  ["SBS01", { north: "Infinity" }],
  ["SBS01", { north: 90.1 }],
  ["SBS01", { east: null }],
  ["SBS02", { after: "not a cursor" }],
  ["SBS03", { amenities: ["helipad"] }],
  ["SBS04", { min_amount: 100 }],
  ["SBS04", { currency: "EUR", min_amount: 200, max_amount: 100 }],
  ["SBS04", { currency: "EUR", min_amount: -1 }],
  ["SBP05", { currency: "XXX" }],
  ["SBG06", { page_size: 101 }],
  ["SBG06", { page_size: 0 }],
  ["SBC02", { check_in: "2031-06-10" }],
  ["SBC02", { check_in: "2031-06-10", check_out: "2031-06-10" }],
  ["SBC03", { check_in: "2031-05-31", check_out: "2031-06-10" }],
  ["SBC04", { check_in: "2031-06-10", check_out: "2033-06-10" }],
  ["SBC06", { guests: 0 }],
];

for (const [code, filters] of CASES) {
  test(`a search by ${JSON.stringify(filters)} is refused as ${code}`, async () => {
    expect(await refusal(search(filters))).toBe(code);
  });
}

test("a search that makes sense is not refused, also where there is nothing", async () => {
  expect(await search({})).toEqual([]);
  expect(
    await search({
      west: 170,
      east: -170,
      check_in: "2031-06-10",
      check_out: "2031-06-12",
      guests: 2,
      amenities: ["wifi"],
      currency: "EUR",
      min_amount: 0,
      max_amount: 100_000,
      page_size: 100,
    }),
  ).toEqual([]);
});
