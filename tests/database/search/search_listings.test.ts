/**
 * Search against a reference that walks every listing, on the demo's market: the same listings, in
 * the same order, each bookable at exactly the total that a quote has. And the projection that it
 * reads: private, and in step with what hosts and guests do.
 */
import { beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { type Scenario, testDatabase } from "../../helpers/database.ts";

const db = testDatabase({ demo: true });

interface Facts {
  readonly id: string;
  readonly city: string;
  readonly longitude: number;
  readonly latitude: number;
  readonly type: string;
  readonly mode: string;
  readonly maxGuests: number;
  readonly currency: string;
  readonly floor: number;
  readonly score: number;
  readonly amenities: readonly string[];
}

interface Query {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
  readonly checkIn: string | null;
  readonly checkOut: string | null;
  readonly guests: number;
  readonly amenities: readonly string[];
  readonly types: readonly string[];
  readonly instantOnly: boolean;
  readonly currency: string | null;
  readonly min: number | null;
  readonly max: number | null;
}

interface Found {
  readonly listing_id: string;
  readonly total_amount: string | null;
  readonly cursor: string;
}

const EVERYWHERE: Query = {
  west: -180,
  south: -90,
  east: 180,
  north: 90,
  checkIn: null,
  checkOut: null,
  guests: 1,
  amenities: [],
  types: [],
  instantOnly: false,
  currency: null,
  min: null,
  max: null,
};

let market: Facts[] = [];

beforeAll(async () => {
  const { rows } = await db.owner.query<Facts>(
    `select l.id, l.city, l.public_longitude as longitude, l.public_latitude as latitude,
       l.type::text, l.booking_mode::text as mode, l.max_guests as "maxGuests", r.currency,
       app_hidden.nightly_floor(l.id)::float8 as floor,
       (select p.score from app_hidden.search_projection(l.id) p where p.cell = 0) as score,
       array(select a.amenity_code from app_public.listing_amenities a where a.listing_id = l.id)
         as amenities
     from app_public.listings l
     join app_public.listing_rates r on r.listing_id = l.id
     where l.status = 'published'`,
  );
  market = rows;
});

async function search(
  client: pg.ClientBase,
  query: Query,
  pageSize = 100,
  after: string | null = null,
): Promise<Found[]> {
  const { rows } = await client.query<Found>(
    `select listing_id, total_amount, cursor
     from app_public.search_listings(
       $1, $2, $3, $4, $5, $6, $7, $8, $9::text[]::app_public.listing_type[], $10,
       currency => $11, min_amount => $12, max_amount => $13, page_size => $14, after => $15
     )`,
    [
      ...[query.west, query.south, query.east, query.north, query.checkIn, query.checkOut],
      ...[query.guests, query.amenities, query.types, query.instantOnly, query.currency],
      ...[query.min, query.max, pageSize, after],
    ],
  );
  return rows;
}

/** All pages of a search, one after the other. */
async function searchAll(client: pg.ClientBase, query: Query, pageSize: number): Promise<Found[]> {
  const found: Found[] = [];
  for (;;) {
    const page = await search(client, query, pageSize, found.at(-1)?.cursor ?? null);
    found.push(...page);
    if (page.length < pageSize) return found;
  }
}

/** What a search must find, by looking at every listing and asking for every stay. */
async function reference(
  client: pg.ClientBase,
  query: Query,
): Promise<{ id: string; total: string | null }[]> {
  const e6 = (degrees: number): number => Math.round(degrees * 1e6);
  const inBox = ({ longitude, latitude }: Facts): boolean => {
    const [x, west, east] = [e6(longitude), e6(query.west), e6(query.east)];
    const across = west > east ? x >= west || x <= east : x >= west && x <= east;
    return across && e6(latitude) >= e6(query.south) && e6(latitude) <= e6(query.north);
  };
  const dated = query.checkIn !== null;
  const suitable = market.filter(
    (listing) =>
      inBox(listing) &&
      listing.maxGuests >= query.guests &&
      query.amenities.every((code) => listing.amenities.includes(code)) &&
      (query.types.length === 0 || query.types.includes(listing.type)) &&
      (!query.instantOnly || listing.mode === "instant") &&
      (query.currency === null || listing.currency === query.currency) &&
      (dated || listing.floor >= (query.min ?? 0)) &&
      (dated || listing.floor <= (query.max ?? Number.MAX_SAFE_INTEGER)),
  );
  suitable.sort((a, b) => b.score - a.score || (a.id < b.id ? 1 : -1));
  if (!dated) return suitable.map(({ id }) => ({ id, total: null }));
  const { rows } = await client.query<{ id: string; total: string }>(
    `select l.id, (app_public.quote(l.id, $2, $3, $4)).total_amount as total
     from unnest($1::uuid[]) with ordinality l (id, position)
     where not exists (select from app_public.bookability(l.id, $2, $3, $4))
     order by l.position`,
    [suitable.map(({ id }) => id), query.checkIn, query.checkOut, query.guests],
  );
  return rows.filter(
    ({ total }) => Number(total) >= (query.min ?? 0) && Number(total) <= (query.max ?? Infinity),
  );
}

/** mulberry32, so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below;
  };
}

function isoDate(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

function randomQuery(random: (below: number) => number): Query {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random(values.length))] as T;
  const centre = pick(market);
  const size = pick([0.004, 0.02, 0.06, 0.3, 4, 30, 170]);
  const wrap = (degrees: number): number => ((degrees + 540) % 360) - 180;
  const shift = (random(1) - 0.5) * size;
  const withDates = random(1) < 0.7;
  const first = Math.floor(random(150)) + 1;
  const nights = 1 + Math.floor(random(6));
  const withPrice = random(1) < 0.5;
  const middle = centre.floor * (withDates ? nights * 1.3 : 1.2);
  return {
    west: wrap(centre.longitude + shift - size / 2),
    east: wrap(centre.longitude + shift + size / 2),
    south: Math.max(-90, centre.latitude + shift - size / 2),
    north: Math.min(90, centre.latitude + shift + size / 2),
    checkIn: withDates ? isoDate(first) : null,
    checkOut: withDates ? isoDate(first + nights) : null,
    guests: 1 + Math.floor(random(4)),
    amenities: random(1) < 0.5 ? [pick(["wifi", "kitchen", "washer", "tv"])] : [],
    types: random(1) < 0.3 ? ["entire_home", "hotel_room"] : [],
    instantOnly: random(1) < 0.3,
    currency: withPrice || random(1) < 0.2 ? centre.currency : null,
    min: withPrice && random(1) < 0.4 ? Math.round(middle / 2) : null,
    max: withPrice ? Math.round(middle * 1.5) : null,
  };
}

const BATCHES = [1, 2, 3, 4];

describe("search_listings", () => {
  test.each(BATCHES)("finds what looking at every listing finds (batch %i)", async (seed) => {
    const random = generator(seed);
    let results = 0;
    await db.withVisitor(null, async (client) => {
      for (let run = 0; run < 40; run += 1) {
        const query = randomQuery(random);
        const wanted = await reference(client, query);
        const found = await searchAll(client, query, 1 + Math.floor(random(30)));
        const shown = found.map((row) => ({ id: row.listing_id, total: row.total_amount }));
        expect({ query, shown }).toEqual({ query, shown: wanted });
        results += found.length;
      }
    });
    expect(results).toBeGreaterThan(200);
  });

  test("pages over the whole world give every published listing once, best first", async () => {
    await db.withVisitor(null, async (client) => {
      const found = await searchAll(client, EVERYWHERE, 37);
      const ids = found.map(({ listing_id }) => listing_id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toEqual((await reference(client, EVERYWHERE)).map(({ id }) => id));
      expect(ids).toHaveLength(588);
    });
  });

  test.each([
    ["both sides", 179.8, -179.8, 1],
    ["the western side", 179.8, 180, 0.1],
    ["almost all the world, the long way round", -179, 179.95, 500],
  ])("crosses the date line: %s", async (_name, west, east, least) => {
    await db.withVisitor(null, async (client) => {
      const query = { ...EVERYWHERE, west, east };
      const wanted = await reference(client, query);
      expect(wanted.length).toBeGreaterThanOrEqual(least);
      const found = await searchAll(client, query, 100);
      expect(found.map(({ listing_id }) => listing_id)).toEqual(wanted.map(({ id }) => id));
    });
  });

  test("does not find drafts and paused listings, which are there", async () => {
    const { rows } = await db.owner.query<{ id: string }>(
      "select id from app_public.listings where status <> 'published' and public_latitude is not null",
    );
    expect(rows.length).toBeGreaterThan(5);
    const found = await db.withVisitor(null, (client) => searchAll(client, EVERYWHERE, 100));
    const shown = new Set(found.map(({ listing_id }) => listing_id));
    expect(rows.filter(({ id }) => shown.has(id))).toEqual([]);
  });

  test("no longer finds a listing for nights that somebody has just booked", async () => {
    await db.scenario(async (scenario) => {
      const [query, listing] = await bookable(scenario);
      const guest = await person(scenario, "guest@staybase.example");
      const ids = (): Promise<string[]> =>
        scenario.asVisitor(null, async (client) =>
          (await searchAll(client, query, 100)).map(({ listing_id }) => listing_id),
        );
      expect(await ids()).toContain(listing);
      await scenario.asVisitor(guest, (client) =>
        client.query(
          `select app_public.create_booking(q.id, 'search-test-key')
           from app_public.create_quote($1, $2, $3, 1) q`,
          [listing, query.checkIn, query.checkOut],
        ),
      );
      expect(await ids()).not.toContain(listing);
    });
  });
});

describe("the projection", () => {
  test.each(["search_cells", "search_bits", "listing_availability"])(
    "%s is closed to visitors, and has rows",
    async (table) => {
      const read = `select count(*)::integer as count from app_hidden.${table}`;
      await expect(db.withVisitor(null, (client) => client.query(read))).rejects.toMatchObject({
        code: "42501",
      });
      const { rows } = await db.owner.query<{ count: number }>(read);
      expect(rows[0]?.count).toBeGreaterThan(10);
    },
  );

  test("has one row for each level of the map, each in the square that a search looks in", async () => {
    const { rows } = await db.owner.query(
      `select l.id
       from app_public.listings l
       cross join unnest(array[0.00001, 0.1, 0.4, 1.5, 6, 20]) size
       where l.status = 'published' and not exists (
         select from app_hidden.search_cells s
         where s.listing_id = l.id and s.cell = any (app_hidden.search_windows(
           l.public_longitude - size, l.public_latitude - size,
           l.public_longitude + size, l.public_latitude + size
         ))
       ) and abs(l.public_longitude) < 160`,
    );
    expect(rows).toEqual([]);
    const levels = await db.owner.query(
      `select count(*)::integer as rows, count(distinct cell >> 52)::integer as levels
       from app_hidden.search_cells`,
    );
    expect(levels.rows).toEqual([{ rows: 588 * 6, levels: 6 }]);
  });

  test("gives every square of the map a number of its own", async () => {
    const { rows } = await db.owner.query(
      `select count(distinct app_hidden.search_cell(level, x * 127, y * 127))::integer as numbers
       from unnest(array[11, 13]) level, generate_series(0, 15) x, generate_series(0, 15) y`,
    );
    expect(rows).toEqual([{ numbers: 2 * 16 * 16 }]);
  });

  test("looks in at most four squares, whatever the box", async () => {
    const { rows } = await db.owner.query(
      `select w, size
       from generate_series(-180, 179, 7) w
       cross join unnest(array[0.0, 0.001, 0.03, 0.2, 1, 5, 11, 40, 179, 359]) size
       cross join unnest(array[-90, -60, -0.01, 0, 40, 85]) s
       where cardinality(app_hidden.search_windows(
         w, s, (w + size + 180)::numeric % 360 - 180, least(90, s + size))) not between 1 and 4`,
    );
    expect(rows).toEqual([]);
  });

  test("keeps in step with edits of every kind", async () => {
    await db.scenario(async (scenario) => {
      const listings = market.slice(0, 40).map(({ id }) => id);
      await scenario.client.query("set constraints all immediate");
      for (const [index, statement] of EDITS.entries()) {
        await scenario.client.query(statement, [listings.slice(index * 5, index * 5 + 5)]);
        expect({ statement, drift: await drift(scenario) }).toEqual({ statement, drift: 0 });
      }
    });
  });

  test("is seen to drift when its trigger is off", async () => {
    await db.scenario(async (scenario) => {
      await scenario.client.query(
        "alter table app_public.listing_rates disable trigger _700_refresh_search",
      );
      await scenario.client.query(
        "update app_public.listing_rates set nightly_amount = 1 where listing_id = any ($1)",
        [market.slice(0, 3).map(({ id }) => id)],
      );
      expect(await drift(scenario)).toBeGreaterThan(0);
      await scenario.client.query("select app_private.rebuild_search()");
      expect(await drift(scenario)).toBe(0);
    });
  });
});

/** Each changes what search knows of the listings in $1. */
const EDITS = [
  "update app_public.listing_rates set nightly_amount = nightly_amount * 2 where listing_id = any ($1)",
  "update app_public.listings set max_guests = 16, type = 'hotel_room' where id = any ($1)",
  "update app_public.listings set status = 'paused' where id = any ($1)",
  "update app_public.listings set booking_mode = 'request' where id = any ($1)",
  "delete from app_public.listing_amenities where listing_id = any ($1)",
  `with another as (
     insert into app_public.listing_photos (listing_id, url)
     select id, 'https://example.com/another' from unnest($1::uuid[]) id
   )
   delete from app_public.listing_photos where listing_id = any ($1)`,
  `insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
   select r.listing_id, daterange('2040-01-01', '2040-01-05'), r.currency, 10
   from app_public.listing_rates r where r.listing_id = any ($1)`,
  `update app_public.listings
   set public_longitude = -public_longitude, public_latitude = public_latitude / 2
   where id = any ($1)`,
];

async function drift({ client }: Scenario): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    "select count(*)::integer as count from app_private.search_drift()",
  );
  return rows[0]?.count ?? -1;
}

async function person({ client }: Scenario, email: string): Promise<string> {
  const { rows } = await client.query<{ user_id: string }>(
    "select user_id from app_public.user_contacts where email = $1",
    [email],
  );
  return rows[0]?.user_id ?? "";
}

/** A dated search, and a listing with one unit that it finds and that can be booked at once. */
async function bookable(scenario: Scenario): Promise<[Query, string]> {
  const query = {
    ...EVERYWHERE,
    checkIn: isoDate(40),
    checkOut: isoDate(45),
    instantOnly: true,
    types: ["entire_home"],
  };
  const found = await scenario.asVisitor(null, (client) => search(client, query, 1));
  return [query, found[0]?.listing_id ?? ""];
}
