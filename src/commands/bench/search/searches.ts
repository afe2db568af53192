/**
 * What is measured: the statements, and the arguments that they run with. Every statement is
 * prepared, runs as a visitor with claims under row-level security and returns what one page of
 * results needs; when and how often they run is measure.ts.
 */
import type pg from "pg";

/** A kind of search with the arguments of its runs, which clients go through in turn. */
export interface Search {
  readonly key: SearchKey;
  readonly title: string;
  readonly sql: string;
  readonly arguments: readonly (readonly unknown[])[];
}

export type SearchKey =
  | "pk20"
  | "city"
  | "neighbourhood"
  | "country"
  | "undated"
  | "naivePoint"
  | "naiveBtree"
  | "nothing";

const SEARCH = `select * from app_public.search_listings(
  $1, $2, $3, $4, $5, $6, $7, $8, currency => 'EUR', max_amount => $9, page_size => 20)`;

const UNDATED = `select * from app_public.search_listings(
  $1, $2, $3, $4, guests => $5, amenities => $6, page_size => 20)`;

const PK20 = `select l.id, l.title, l.type, l.city, l.max_guests, l.public_longitude,
    l.public_latitude, l.review_count, l.review_rating_sum
  from app_public.listings l where l.id = any ($1)`;

/** Its total is roughly a quote's: the base rate for every night, cleaning and the fee. */
const naive = (place: string): string => `select l.id, l.longitude, l.latitude, l.currency,
    (l.nightly_amount * ($6::date - $5::date) + l.cleaning_fee_amount) * 112 / 100 as total_amount,
    l.score
  from bench.listings l
  where ${place}
    and l.max_guests >= $7
    and l.currency = 'EUR'
    and (l.nightly_amount * ($6::date - $5::date) + l.cleaning_fee_amount) * 112 / 100 <= $9
    and (select count(*) from bench.amenities a
      where a.listing_id = l.id and a.amenity_code = any ($8)) = cardinality($8::text[])
    and not exists (select from bench.bookings b
      where b.listing_id = l.id and b.check_in < $6 and b.check_out > $5)
  order by l.score desc limit 20`;

const NAIVE_POINT = naive("point(l.longitude, l.latitude) <@ box(point($1, $2), point($3, $4))");
const NAIVE_BTREE = naive("l.longitude between $1 and $3 and l.latitude between $2 and $4");

const AMENITIES = ["kitchen", "washer", "tv", "heating", "hair_dryer", "iron", "microwave"];
const RUNS = 300;

/** The arguments of all searches, the same in every run of the benchmark on the same market. */
export async function planSearches(client: pg.ClientBase): Promise<Search[]> {
  const random = generator(7);
  const { rows } = await client.query<{ longitude: number; latitude: number }>(
    "select longitude, latitude from bench.cities where number = 1",
  );
  const { rows: listings } = await client.query<{ id: string }>(
    "select id from app_public.listings order by md5(id::text) limit 20000",
  );
  const city = rows[0] ?? { longitude: 0, latitude: 0 };
  const runs = <T>(make: () => T): T[] => Array.from({ length: RUNS }, make);
  const stays = (km: number): unknown[][] =>
    runs(() => [...boxAround(city, km, random), ...stayOf(random, 22_000)]);
  const cities = stays(10);
  return [
    {
      key: "pk20",
      title: "PK-20: 20 listings by primary key",
      sql: PK20,
      arguments: runs(() => [Array.from({ length: 20 }, () => pickOne(listings, random).id)]),
    },
    { key: "city", title: "city page, 10 km box", sql: SEARCH, arguments: cities },
    {
      key: "neighbourhood",
      title: "neighbourhood page, 2 km box",
      sql: SEARCH,
      arguments: stays(2),
    },
    { key: "country", title: "country page, 800 km box", sql: SEARCH, arguments: stays(800) },
    {
      key: "undated",
      title: "city page without dates",
      sql: UNDATED,
      arguments: cities.map(([west, south, east, north, , , guests, amenities]) => [
        west,
        south,
        east,
        north,
        guests,
        amenities,
      ]),
    },
    {
      key: "nothing",
      title: "city page that finds nothing",
      sql: SEARCH,
      arguments: runs(() => [...boxAround(city, 10, random), ...stayOf(random, 500)]),
    },
    {
      key: "naivePoint",
      title: "naive city page, GiST on the point",
      sql: NAIVE_POINT,
      arguments: cities,
    },
    {
      key: "naiveBtree",
      title: "naive city page, b-tree on lon, lat",
      sql: NAIVE_BTREE,
      arguments: cities,
    },
  ];
}

/** Two guests, two amenities, two to seven nights from a week ahead, at most so much a night. */
function stayOf(random: () => number, nightly: number): unknown[] {
  const nights = 2 + Math.floor(random() * 6);
  const first = 7 + Math.floor(random() * 150);
  const date = (days: number): string =>
    new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const at = Math.floor(random() * AMENITIES.length);
  const amenities = [AMENITIES[at], AMENITIES[(at + 1) % AMENITIES.length]];
  return [date(first), date(first + nights), 2, amenities, nightly * nights];
}

/** A box of some kilometres a side, whose centre is about a kilometre from the city's. */
function boxAround(
  centre: { longitude: number; latitude: number },
  km: number,
  random: () => number,
): number[] {
  const [height, width] = [km / 111.32, km / 111.32 / Math.cos((centre.latitude * Math.PI) / 180)];
  const shift = (): number => ((random() + random() - 1) * 2) / 111.32;
  const [longitude, latitude] = [centre.longitude + shift(), centre.latitude + shift()];
  return [
    longitude - width / 2,
    latitude - height / 2,
    longitude + width / 2,
    latitude + height / 2,
  ];
}

function pickOne<T>(from: readonly T[], random: () => number): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new Error("There is nothing to pick from.");
  return found;
}

/** mulberry32: small, seeded, and even enough to pick arguments with. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
