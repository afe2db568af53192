/**
 * No function of the API answers a part of what it was asked for: every one that takes two dates
 * refuses a range that is no range or too long, by code. What is compared is the whole catalogue.
 */
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  NOON,
  paidBooking,
  publishedListing,
  refusal,
  somebody,
  stopClock,
} from "../helpers/factories.ts";
import { daysAfter, drawFrom } from "../helpers/generate.ts";

const database = testDatabase();
let host: string;
let guest: string;
let listing: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  listing = await publishedListing(database, host, { preparationDays: 3 });
  await paidBooking(database, guest, await publishedListing(database, host));
});

interface RangeFunction {
  /** The statement, with the listing as $1 and the dates as $2 and $3. */
  readonly text: string;
  readonly isHosts?: boolean;
  readonly mostNights?: number;
}

const BOX = "-10, 38, -9, 39";
const FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  block_nights: { text: "select app_public.block_nights($1, $2, $3)", isHosts: true },
  bookability: { text: "select app_public.bookability($1, $2, $3, 1)" },
  create_quote: { text: "select app_public.create_quote($1, $2, $3, 1)" },
  listings_taken_nights: {
    text: `select app_public.listings_taken_nights(l, $2, $3)
      from app_public.listings l where l.id = $1`,
    mostNights: 800,
  },
  // Of the guest's only stay, which is at another listing.
  propose_alteration: {
    text: `select app_public.propose_alteration(
        (select b.id from app_public.bookings b where b.listing_id <> $1),
        gen_random_uuid()::text, $2, $3, 1)`,
  },
  quote: { text: "select app_public.quote($1, $2, $3, 1)" },
  search_listings: { text: `select app_public.search_listings(${BOX}, $2, $3), $1::uuid` },
  set_dated_rate: { text: "select app_public.set_dated_rate($1, $2, $3, 100)", isHosts: true },
};

/** Functions of the API with at least two dates among their arguments. */
async function rangeFunctions(): Promise<unknown[]> {
  const rows = await asOwner(
    database,
    `select p.proname::text as name from pg_proc p
     where p.pronamespace = 'app_public'::regnamespace and p.prokind = 'f' and (
       select count(*) from unnest(p.proargtypes) t where t = 'date'::regtype
     ) >= 2 or p.proargtypes::oid[] && array['daterange'::regtype::oid]
       and p.pronamespace = 'app_public'::regnamespace
     order by 1`,
  );
  return rows.map(({ name }) => name);
}

const call = ({ text, isHosts }: RangeFunction, from: string | null, to: string | null) =>
  refusal(asVisitor(database, isHosts === true ? host : guest, text, [listing, from, to]));

test("every function that takes a range is tried here", async () => {
  expect(await rangeFunctions()).toEqual(Object.keys(FUNCTIONS).sort());
  await asOwner(
    database,
    `create function app_public.odd(a date, b date) returns integer language sql return 1`,
  );
  expect(await rangeFunctions()).toContain("odd");
  await asOwner(database, "drop function app_public.odd(date, date)");
});

const NAMES = Object.keys(FUNCTIONS);

test.each(NAMES)("%s refuses what is no range", async (name) => {
  const tried = FUNCTIONS[name] as RangeFunction;
  const draw = drawFrom(name.length);
  const ends = ["-infinity", "infinity", "4713-01-01 BC", "5874897-12-31", "10000-01-01", null];
  const day = () => daysAfter("2031-06-10", draw.integer(0, 600));
  for (let round = 0; round < 40; round += 1) {
    const from = day();
    const [bad, other] = draw.one<readonly [string | null, string | null]>([
      [from, daysAfter(from, -draw.integer(0, 900))],
      [draw.one(ends), from],
      [from, draw.one(ends)],
      [draw.one(ends.slice(0, -1)), draw.one(ends)],
    ]);
    // Search counts the nights before it looks at them; both codes say that a date is wrong.
    const codes = name === "search_listings" ? ["SBC02", "22008"] : ["SBC02"];
    expect({ bad, other, codes }).toEqual({
      bad,
      other,
      codes: expect.arrayContaining([await call(tried, bad, other)]),
    });
  }
});

test.each(NAMES)("%s refuses a range that is too long, and takes the longest", async (name) => {
  const tried = FUNCTIONS[name] as RangeFunction;
  const draw = drawFrom(name.length);
  const most = tried.mostNights ?? 730;
  for (let round = 0; round < 20; round += 1) {
    const from = daysAfter("2031-06-10", draw.integer(0, 100));
    const to = daysAfter(from, most + draw.integer(1, 100_000));
    expect([from, to, await call(tried, from, to)]).toEqual([from, to, "SBC04"]);
  }
  // A listing's own rule may refuse the longest stay, with the same code; nothing else does.
  const longest = await call(tried, "2031-06-10", daysAfter("2031-06-10", most));
  const isStay = ["bookability", "create_quote", "quote", "search_listings"].includes(name);
  expect(longest).toBe(isStay && name.includes("quote") ? "SBC04" : "it was not refused");
});
