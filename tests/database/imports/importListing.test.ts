/** One listing of another marketplace, with all that belongs to it: twice is once, and bookings keep their nights. */
import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  NOON,
  paidBooking,
  type Row,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase();

beforeAll(() => stopClock(database, NOON));

const listing = (changes: Row = {}): Row => ({
  externalId: randomUUID(),
  host: {
    externalId: "host-1",
    displayName: "Imre",
    bio: "",
    avatarUrl: null,
    hostSince: "2015-03-01",
  },
  title: "A flat on the hill",
  description: "Two rooms and a view.",
  houseRules: null,
  type: "entire_home",
  maxGuests: 4,
  bedrooms: 2,
  beds: 2,
  bathrooms: 1,
  minNights: 1,
  maxNights: 365,
  bookingMode: "instant",
  street: "The Hill",
  city: "Albany",
  region: "New York",
  countryCode: "US",
  timeZone: "America/New_York",
  longitude: -73.76,
  latitude: 42.65,
  rates: { currency: "USD", nightlyAmount: 12_000 },
  photoUrls: ["https://example.com/a.jpg", "https://example.com/b.jpg"],
  amenityCodes: ["wifi", "kitchen"],
  reviewScores: { reviewCount: 12, rating: 4.8 },
  blockedNights: ["[2031-06-20,2031-06-25)"],
  datedRates: [{ nights: "[2031-07-01,2031-07-05)", nightlyAmount: 20_000 }],
  ...changes,
});

const bring = async (what: Row) =>
  text(
    await asServer(database, "select app_private.import_listing('elsewhere', $1) as outcome", [
      JSON.stringify(what),
    ]),
    "outcome",
  );

const idOf = async (what: Row) =>
  text(
    await asOwner(
      database,
      "select listing_id from app_private.imported_listings where external_id = $1",
      [what.externalId],
    ),
    "listing_id",
  );

/** Everything that belongs to a listing, as one text, to see whether anything has changed. */
const everything = async (id: string) =>
  text(
    await asOwner(
      database,
      `select jsonb_build_object(
         'listing', (select to_jsonb(l) from app_public.listings l where l.id = $1),
         'address', (select to_jsonb(a) from app_public.listing_addresses a where listing_id = $1),
         'rates', (select to_jsonb(r) from app_public.listing_rates r where listing_id = $1),
         'dated', (select jsonb_agg(d order by d.nights) from app_public.dated_rates d
            where listing_id = $1),
         'photos', (select jsonb_agg(p order by p.id) from app_public.listing_photos p
            where listing_id = $1),
         'amenities', (select jsonb_agg(m order by m.amenity_code)
            from app_public.listing_amenities m where listing_id = $1),
         'claims', (select jsonb_agg(c order by c.id) from app_public.calendar_claims c
            where listing_id = $1)
       )::text as everything`,
      [id],
    ),
    "everything",
  );

const claims = (id: string) =>
  asOwner(
    database,
    `select kind::text, nights::text from app_public.calendar_claims
     where listing_id = $1 order by nights`,
    [id],
  );

test("the same listing twice changes nothing the second time", async () => {
  const what = listing();
  expect(await bring(what)).toBe("created");
  const id = await idOf(what);
  const before = await everything(id);
  await stopClock(database, "2031-06-03T11:00:00Z");
  expect(await bring(what)).toBe("unchanged");
  expect(await everything(id)).toBe(before);
  await stopClock(database, NOON);
  const published = await asOwner(
    database,
    "select status::text from app_public.listings where id = $1",
    [id],
  );
  expect(published).toEqual([{ status: "published" }]);
});

test("a change is taken over, and what is gone goes", async () => {
  const what = listing();
  await bring(what);
  const id = await idOf(what);
  const changed = {
    ...what,
    title: "A flat on the other hill",
    photoUrls: ["https://example.com/b.jpg"],
    amenityCodes: ["wifi", "pool"],
    blockedNights: ["[2031-06-22,2031-06-28)"],
    datedRates: [],
  };
  expect(await bring(changed)).toBe("updated");
  expect(await idOf(what)).toBe(id);
  expect(await claims(id)).toEqual([{ kind: "import", nights: "[2031-06-22,2031-06-28)" }]);
  const now = JSON.parse(await everything(id));
  expect(now.listing.title).toBe("A flat on the other hill");
  expect(now.photos).toHaveLength(1);
  expect(now.amenities.map((row: Row) => row.amenity_code)).toEqual(["pool", "wifi"]);
  expect(now.dated).toBeNull();
  expect(await bring(changed)).toBe("unchanged");
});

test("a booking of ours keeps its nights", async () => {
  const what = listing({ blockedNights: [] });
  await bring(what);
  const id = await idOf(what);
  const guest = await somebody(database);
  await paidBooking(database, guest, id);
  await bring({ ...what, blockedNights: ["[2031-06-08,2031-06-20)"] });
  expect(await claims(id)).toEqual([
    { kind: "import", nights: "[2031-06-08,2031-06-10)" },
    { kind: "booking", nights: "[2031-06-10,2031-06-14)" },
    { kind: "import", nights: "[2031-06-14,2031-06-20)" },
  ]);
  expect(await asServer(database, "select * from app_private.calendar_drift()")).toEqual([]);
});

test("without rates it stays a draft", async () => {
  const what = listing({ rates: null, datedRates: [] });
  await bring(what);
  const found = await asOwner(
    database,
    "select status::text from app_public.listings where id = $1",
    [await idOf(what)],
  );
  expect(found).toEqual([{ status: "draft" }]);
});

test("two listings of one host have one person", async () => {
  const [first, second] = [listing(), listing()];
  await bring(first);
  await bring(second);
  const hosts = await asOwner(
    database,
    "select distinct host_id from app_public.listings where id = any ($1)",
    [[await idOf(first), await idOf(second)]],
  );
  expect(hosts).toHaveLength(1);
});

test("what is broken is refused as a whole", async () => {
  for (const [changes, code] of [
    [{ title: "" }, "23514"],
    [{ title: null }, "23502"],
    [{ type: "castle" }, "22P02"],
    [{ maxGuests: 99 }, "23514"],
    [{ latitude: 91 }, "23514"],
    [{ timeZone: "Nowhere/Land" }, "23514"],
    [{ amenityCodes: ["helipad"] }, "23503"],
    [{ rates: { currency: "XXX", nightlyAmount: 1 } }, "23503"],
    [{ rates: { currency: "USD", nightlyAmount: 0 } }, "23514"],
    [{ blockedNights: ["soon"] }, "22P02"],
    [{ photoUrls: ["ftp://example.com/a.jpg"] }, "23514"],
  ] as const) {
    const what = listing(changes);
    expect(await refusal(bring(what))).toBe(code);
    const found = await asOwner(
      database,
      "select from app_private.imported_listings where external_id = $1",
      [what.externalId],
    );
    expect(found).toEqual([]);
  }
});
