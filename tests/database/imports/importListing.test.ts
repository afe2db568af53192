/** One listing of another marketplace, with all that belongs to it: twice is once, and bookings keep their nights. */
import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  bookingStatus,
  hold,
  NOON,
  paidBooking,
  type Row,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";
import { drawFrom } from "../../helpers/generate.ts";

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

const statusOf = async (id: string) =>
  text(
    await asOwner(database, "select status::text from app_public.listings where id = $1", [id]),
    "status",
  );

test("nights that a hold has are blocked by the next import after it", async () => {
  const what = listing({ blockedNights: [] });
  await bring(what);
  const id = await idOf(what);
  const booking = await hold(database, await somebody(database), id);
  const blocked = { ...what, blockedNights: ["[2031-06-08,2031-06-20)"] };
  const around = [
    { kind: "import", nights: "[2031-06-08,2031-06-10)" },
    { kind: "hold", nights: "[2031-06-10,2031-06-14)" },
    { kind: "import", nights: "[2031-06-14,2031-06-20)" },
  ];
  expect(await bring(blocked)).toBe("updated");
  expect(await claims(id)).toEqual(around);
  expect(await bring(blocked)).toBe("updated");
  expect(await claims(id)).toEqual(around);
  await stopClock(database, "2031-06-02T11:16:00Z");
  expect(await bring(blocked)).toBe("updated");
  expect(await bookingStatus(database, booking)).toBe("expired");
  expect(await claims(id)).toEqual([{ kind: "import", nights: "[2031-06-08,2031-06-20)" }]);
  expect(await bring(blocked)).toBe("unchanged");
  await stopClock(database, NOON);
  expect(await asServer(database, "select * from app_private.calendar_drift()")).toEqual([]);
});

test("a hold past its time does not keep nights from the import", async () => {
  const what = listing({ blockedNights: [] });
  await bring(what);
  const id = await idOf(what);
  await hold(database, await somebody(database), id);
  await stopClock(database, "2031-06-02T11:16:00Z");
  const blocked = { ...what, blockedNights: ["[2031-06-08,2031-06-20)"] };
  await bring(blocked);
  expect(await claims(id)).toEqual([{ kind: "import", nights: "[2031-06-08,2031-06-20)" }]);
  expect(await bring(blocked)).toBe("unchanged");
  await stopClock(database, NOON);
});

test("what was published is a draft when its price is gone, until it is back", async () => {
  const what = listing({ blockedNights: [] });
  await bring(what);
  const id = await idOf(what);
  const booking = await paidBooking(database, await somebody(database), id);
  expect(await statusOf(id)).toBe("published");
  expect(await bring({ ...what, rates: null, datedRates: [] })).toBe("updated");
  expect(await statusOf(id)).toBe("draft");
  expect(JSON.parse(await everything(id))).toMatchObject({ rates: null, dated: null });
  expect(await bookingStatus(database, booking)).toBe("confirmed");
  expect(await asServer(database, "select * from app_private.pricing_drift()")).toEqual([]);
  expect(await asServer(database, "select * from app_private.search_drift()")).toEqual([]);
  expect(await bring(what)).toBe("updated");
  expect(await statusOf(id)).toBe("published");
  expect(JSON.parse(await everything(id)).rates.nightly_amount).toBe(12_000);
});

test("what was published is a draft when its pictures are gone, until they are back", async () => {
  const what = listing();
  await bring(what);
  const id = await idOf(what);
  expect(await bring({ ...what, photoUrls: [] })).toBe("updated");
  expect(await statusOf(id)).toBe("draft");
  expect(await asServer(database, "select * from app_private.search_drift()")).toEqual([]);
  await bring(what);
  expect(await statusOf(id)).toBe("published");
});

test("a listing goes to its new host, unless it has bookings", async () => {
  const [free, booked] = [listing({ blockedNights: [] }), listing({ blockedNights: [] })];
  await bring(free);
  await bring(booked);
  await paidBooking(database, await somebody(database), await idOf(booked));
  const host = { externalId: "host-2", displayName: "Ivo", bio: "", avatarUrl: null };
  expect(await bring({ ...free, host })).toBe("updated");
  expect(await bring({ ...booked, host, title: "A flat that was booked" })).toBe("host_kept");
  const hosts = await asOwner(
    database,
    `select l.title, u.display_name from app_public.listings l
     join app_public.users u on u.id = l.host_id
     where l.id = any ($1) order by u.display_name`,
    [[await idOf(free), await idOf(booked)]],
  );
  expect(hosts).toEqual([
    { title: "A flat that was booked", display_name: "Imre" },
    { title: "A flat on the hill", display_name: "Ivo" },
  ]);
});

test("reviews without a rating neither raise nor lower the score", async () => {
  const unrated = [listing({ reviewScores: null })].concat(
    listing({ reviewScores: { reviewCount: 400, rating: null } }),
  );
  const scores: unknown[] = [];
  for (const what of [...unrated, listing({ reviewScores: { reviewCount: 400, rating: 4 } })]) {
    await bring(what);
    const [row] = await asOwner(
      database,
      "select distinct score from app_hidden.search_cells where listing_id = $1",
      [await idOf(what)],
    );
    scores.push(row?.score);
  }
  expect(scores[0]).toBeGreaterThan(0);
  expect(scores[1]).toBe(scores[0]);
  expect(scores[2]).not.toBe(scores[0]);
});

test("without rates it stays a draft", async () => {
  const what = listing({ rates: null, datedRates: [] });
  await bring(what);
  expect(await statusOf(await idOf(what))).toBe("draft");
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

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  "snapshots in any order and number leave what the newest ones say (seed %i)",
  async (seed) => {
    const draw = drawFrom(seed);
    const roll = (end: number): number => draw.integer(0, end - 1);
    const hostId = randomUUID();
    const ids = [randomUUID(), randomUUID()];
    const told = Array.from({ length: 1 + roll(5) }, (_, at) => ({
      at,
      which: roll(2),
      blocked: roll(2) === 0 ? null : 10 + roll(20),
    }));
    const snapshots = told.map(({ at, which, blocked }) =>
      listing({
        externalId: ids[which],
        scrapedOn: `2020-01-${10 + at}`,
        title: `Title ${at}`,
        host: { externalId: hostId, displayName: `Host ${at}`, bio: "", avatarUrl: null },
        blockedNights: blocked === null ? null : [`[2031-06-${blocked},2031-07-01)`],
        datedRates: [{ nights: "[2031-07-01,2031-07-05)", nightlyAmount: 20_000 + at }],
      }),
    );
    // Each comes at least once.
    const repeats = Array.from({ length: roll(5) }, () => roll(told.length));
    const order = [...told.keys(), ...repeats].sort(() => roll(3) - 1);
    for (const at of order) await bring(snapshots[at] ?? {});
    for (const [which, externalId] of ids.entries()) {
      const mine = told.filter((one) => one.which === which);
      const [newest, calendar] = [mine.at(-1), mine.findLast(({ blocked }) => blocked !== null)];
      if (newest === undefined) continue;
      const found = JSON.parse(await everything(await idOf({ externalId })));
      expect(found.listing.title).toBe(`Title ${newest.at}`);
      expect(found.claims.map(({ nights }: Row) => nights)).toEqual(
        calendar === undefined
          ? ["[2000-01-01,2101-01-01)"]
          : [`[2031-06-${calendar.blocked},2031-07-01)`],
      );
      expect(found.dated?.[0].nightly_amount).toBe(calendar && 20_000 + calendar.at);
    }
    const names = await asOwner(
      database,
      `select u.display_name as name from app_private.imported_hosts h
       join app_public.users u on u.id = h.user_id where h.external_id = $1`,
      [hostId],
    );
    expect(names).toEqual([{ name: `Host ${told.length - 1}` }]);
  },
);
