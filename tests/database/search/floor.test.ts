/**
 * The least price that search shows without dates, against a reference that asks for every stay:
 * after any write, and after a night has passed.
 */
import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  hold,
  NOON,
  paidBooking,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";
import { type Draw, daysAfter, drawFrom } from "../../helpers/generate.ts";

const database = testDatabase();
const TODAY = NOON.slice(0, 10);
const TOMORROW = NOON.replace(TODAY, daysAfter(TODAY, 1));

beforeAll(() => stopClock(database, NOON));

/** A published listing whose nights differ in price; some of them cannot be booked. */
async function listing(draw: Draw): Promise<string> {
  const range = (from: number, nights: number): string =>
    `[${daysAfter(TODAY, from)},${daysAfter(TODAY, from + nights)})`;
  const externalId = randomUUID();
  const what = {
    externalId,
    host: { externalId: "h", displayName: "Imre", bio: "", avatarUrl: null, hostSince: null },
    ...{ title: "A flat", description: "", houseRules: null, type: "entire_home", maxGuests: 4 },
    ...{ bedrooms: 1, beds: 1, bathrooms: 1, minNights: 1, maxNights: 5, bookingMode: "instant" },
    ...{ street: "The Hill", city: "Albany", region: null, countryCode: "US" },
    ...{ timeZone: "America/New_York", longitude: -73.76, latitude: 42.65 },
    rates: { currency: "USD", nightlyAmount: draw.integer(9000, 20_000) },
    ...{ photoUrls: ["https://example.com/a.jpg"], amenityCodes: [], reviewScores: null },
    blockedNights: [-3, 3, 9, 15].map((at) => range(at + draw.integer(0, 2), draw.integer(1, 4))),
    toldNights: 1,
    datedRates: [-20, -6, 0, 5, 10, 16, 60].map((at) => ({
      nights: range(at + draw.integer(0, 2), draw.integer(1, 3)),
      nightlyAmount: draw.integer(3000, 30_000),
    })),
  };
  await asServer(database, "select app_private.import_listing('floors', $1)", [
    JSON.stringify(what),
  ]);
  const id = text(
    await asOwner(
      database,
      "select listing_id from app_private.imported_listings where external_id = $1",
      [externalId],
    ),
    "listing_id",
  );
  await asOwner(
    database,
    `update app_public.listings set min_nights = $2, preparation_days = $3,
       booking_window_days = $4, unit_count = $5 where id = $1`,
    [id, draw.integer(1, 3), draw.integer(0, 2), draw.integer(8, 20), draw.integer(1, 2)],
  );
  await asOwner(
    database,
    "update app_public.listing_rates set weekend_nightly_amount = $2 where listing_id = $1",
    [id, draw.one([null, 4000, 25_000])],
  );
  return id;
}

const shown = async (id: string): Promise<number> =>
  Number(
    text(
      await asOwner(
        database,
        `select nightly_floor_amount::text as floor from app_hidden.search_cells
         where listing_id = $1 and cell = 0`,
        [id],
      ),
      "floor",
    ),
  );

/** The least rate of all nights of all stays that can be booked; null where there is none. */
async function reference(id: string, today: string): Promise<number | null> {
  const [found] = await asOwner(
    database,
    `select min(coalesce(d.nightly_amount,
       case when extract(isodow from n.night) in (5, 6) then r.weekend_nightly_amount end,
       r.nightly_amount))::float8 as least
     from generate_series($2::date - 2, $2::date + 26, '1 day') i
     cross join generate_series(1, 5) length
     cross join lateral (select i::date + s as night from generate_series(0, length - 1) s) n
     join app_public.listing_rates r on r.listing_id = $1
     left join app_public.dated_rates d on d.listing_id = $1 and d.nights @> n.night
     where not exists (select from app_public.bookability($1, i::date, i::date + length, 1))`,
    [id, today],
  );
  return found?.least === null ? null : Number(found?.least);
}

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  "is the least price of a night that can be booked, before and after a night (seed %i)",
  async (seed) => {
    const id = await listing(drawFrom(seed));
    const [base] = await asOwner(
      database,
      "select nightly_amount::float8 as amount from app_public.listing_rates where listing_id = $1",
      [id],
    );
    const now = await reference(id, TODAY);
    await stopClock(database, TOMORROW);
    const next = await reference(id, daysAfter(TODAY, 1));
    await stopClock(database, NOON);
    const known = [now, next].filter((amount) => amount !== null);
    // What tomorrow's booking window adds is there today.
    expect(await shown(id)).toBe(known.length === 0 ? base?.amount : Math.min(...known));
    await stopClock(database, TOMORROW);
    await asServer(database, "select app_private.age_search_floors(true)");
    expect(await asServer(database, "select * from app_private.search_drift()")).toEqual([]);
    await stopClock(database, NOON);
    await asServer(database, "select app_private.age_search_floors(true)");
    expect(await asServer(database, "select * from app_private.search_drift()")).toEqual([]);
  },
);

test("follows a booking, but not a hold", async () => {
  const free = async (): Promise<string> => {
    const id = await listing(drawFrom(1));
    await asOwner(database, "delete from app_public.calendar_claims where listing_id = $1", [id]);
    await asOwner(database, "delete from app_public.dated_rates where listing_id = $1", [id]);
    await asOwner(
      database,
      `update app_public.listings set min_nights = 1, unit_count = 1, booking_window_days = 30
       where id = $1`,
      [id],
    );
    await asOwner(
      database,
      `insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
       values ($1, '[2031-06-10,2031-06-14)', 'USD', 2000)`,
      [id],
    );
    expect(await shown(id)).toBe(2000);
    return id;
  };
  const [held, booked] = [await free(), await free()];
  await hold(database, await somebody(database), held);
  expect(await shown(held)).toBe(2000);
  await paidBooking(database, await somebody(database), booked);
  expect(await shown(booked)).toBeGreaterThan(2000);
  expect(await asServer(database, "select * from app_private.search_drift()")).toEqual([]);
});
