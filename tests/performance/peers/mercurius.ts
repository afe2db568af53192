/**
 * A good GraphQL server that is written by hand for the four documents: Mercurius with its JIT and
 * loaders, on Fastify and pg. A request is one transaction with the same role and claims as ours,
 * begun at its first statement. It has no limits, no filters and no log.
 */
import fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";
import { createTokens } from "../../../src/resources/tokens.ts";

const [port, visitor, key] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const tokens = createTokens({ tokens: { keys: [key] } } as never);

type Row = Record<string, unknown>;

const SCHEMA = `
scalar UUID
scalar Date
type Query {
  listings(first: Int!): Listings!
  listing(id: UUID!): Listing
  searchListings(west: Float!, south: Float!, east: Float!, north: Float!, checkIn: Date,
    checkOut: Date, guests: Int!, pageSize: Int!): Offers!
  bookings(first: Int!): Bookings!
}
type Listings { nodes: [Listing!]! }
type Listing {
  id: UUID! title: String! description: String city: String
  host: User
  photos(first: Int!): [Photo!]!
  amenities(first: Int!): [Amenity!]!
  rates: Rates
  reviews(first: Int!): Reviews!
}
type User { id: UUID! displayName: String! }
type Photo { url: String! }
type Amenity { amenityCode: String! }
type Rates { currency: String! nightlyAmount: String! }
type Reviews { nodes: [Review!]! }
type Review { id: UUID! rating: Int! comment: String author: User }
type Offers { nodes: [Offer!]! }
type Offer { totalAmount: String! currency: String! listing: Listing }
type Bookings { nodes: [Booking!]! }
type Booking {
  id: UUID! status: String! checkIn: Date! checkOut: Date! totalAmount: String! listing: Listing
}
`;

const LISTING = 'id, title, description, city, host_id as "hostId"';

const STATEMENTS = {
  listings: `select ${LISTING} from app_public.listings order by id limit $1`,
  listing: `select ${LISTING} from app_public.listings where id = any ($1::uuid[])`,
  users:
    'select id, display_name as "displayName" from app_public.users where id = any ($1::uuid[])',
  search: `select total_amount as "totalAmount", currency, listing_id as "listingId"
    from app_public.search_listings(west => $1, south => $2, east => $3, north => $4,
      check_in => $5, check_out => $6, guests => $7, page_size => $8)`,
  bookings: `select id, status, check_in::text as "checkIn", check_out::text as "checkOut",
      total_amount as "totalAmount", listing_id as "listingId"
    from app_public.bookings order by id desc limit $1`,
  photos: perListing("url", "listing_photos", "position, id"),
  amenities: perListing('amenity_code as "amenityCode"', "listing_amenities", "amenity_code"),
  rates: `select listing_id as "listingId", currency, nightly_amount as "nightlyAmount"
    from app_public.listing_rates where listing_id = any ($1::uuid[])`,
  reviews: perListing('id, rating, comment, author_id as "authorId"', "reviews", "id desc"),
};

/** The first rows of each listing, for all listings at once. */
function perListing(columns: string, table: string, order: string): string {
  return `select asked.id as "listingId", it.* from unnest($1::uuid[]) as asked(id)
    cross join lateral (select ${columns} from app_public.${table}
      where listing_id = asked.id order by ${order} limit $2) it`;
}

/** The transaction of one request; its statements come one after another. */
class Session {
  readonly #userId: string;
  #client: pg.PoolClient | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(userId: string) {
    this.#userId = userId;
  }

  rows(name: keyof typeof STATEMENTS, values: unknown[]): Promise<Row[]> {
    const done = this.#last.then(async () => {
      this.#client ??= await this.#begin();
      return (await this.#client.query<Row>({ name, text: STATEMENTS[name], values })).rows;
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #begin(): Promise<pg.PoolClient> {
    const client = await pool.connect();
    await client.query("begin");
    await client.query(
      "select set_config('role', $1, true), set_config('staybase.user_id', $2, true)",
      [visitor, this.#userId],
    );
    return client;
  }

  async end(): Promise<void> {
    await this.#last;
    const client = this.#client;
    if (client === undefined) return;
    await client.query("commit");
    client.release();
  }
}

interface Context {
  readonly session: Session;
}
type Loader = (
  queries: { readonly obj: Row; readonly params: { readonly first?: number } }[],
  context: Context,
) => Promise<unknown[]>;

/** The one row that a column of the object names. */
const one =
  (name: "listing" | "users" | "rates", column: string, key = "id"): Loader =>
  async (queries, { session }) => {
    const rows = await session.rows(name, [queries.map(({ obj }) => obj[column])]);
    const byKey = new Map(rows.map((row) => [row[key], row]));
    return queries.map(({ obj }) => byKey.get(obj[column]) ?? null);
  };

/** The rows of each listing. */
const many =
  (name: "photos" | "amenities" | "reviews", wrap: (rows: Row[]) => unknown): Loader =>
  async (queries, { session }) => {
    const ids = queries.map(({ obj }) => obj.id);
    const rows = await session.rows(name, [ids, queries[0]?.params.first]);
    const byListing = Map.groupBy(rows, ({ listingId }) => listingId);
    return ids.map((id) => wrap(byListing.get(id) ?? []));
  };

const nodes = (rows: Row[]): object => ({ nodes: rows });

const app = fastify();
await app.register(mercurius, {
  schema: SCHEMA,
  jit: 1,
  context: (request: { headers: { authorization?: string } }): Context => {
    const token = request.headers.authorization?.slice("Bearer ".length);
    const result = token === undefined ? undefined : tokens.verifyAccessToken(token);
    return { session: new Session(result?.ok === true ? result.claims.userId : "") };
  },
  resolvers: {
    Query: {
      listings: async (_root: unknown, { first }: { first: number }, { session }: Context) =>
        nodes(await session.rows("listings", [first])),
      listing: async (_root: unknown, { id }: { id: string }, { session }: Context) =>
        (await session.rows("listing", [[id]]))[0],
      searchListings: async (_root: unknown, asked: Row, { session }: Context) => {
        const { west, south, east, north, checkIn, checkOut, guests, pageSize } = asked;
        const values = [west, south, east, north, checkIn, checkOut, guests, pageSize];
        return nodes(await session.rows("search", values));
      },
      bookings: async (_root: unknown, { first }: { first: number }, { session }: Context) =>
        nodes(await session.rows("bookings", [first])),
    },
  },
  loaders: {
    Listing: {
      host: one("users", "hostId"),
      rates: one("rates", "id", "listingId"),
      photos: many("photos", (rows) => rows),
      amenities: many("amenities", (rows) => rows),
      reviews: many("reviews", nodes),
    },
    Review: { author: one("users", "authorId") },
    Offer: { listing: one("listing", "listingId") },
    Booking: { listing: one("listing", "listingId") },
  },
});
app.graphql.addHook("onResolution", (_execution: unknown, { session }: Context) => session.end());
app.get("/ready", async () => ({}));
await app.listen({ port: Number(port), host: "127.0.0.1" });
