/** How many round trips a request takes: a page of many things is still one. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { stayIn } from "../story/stay.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

const HOST = "host { id displayName }";
const { checkIn, checkOut } = stayIn(60, 4);
const STAY = `(checkIn: "${checkIn}", checkOut: "${checkOut}", guests: 2, listingId: $id)`;
const REQUESTS: readonly (readonly [what: string, most: number, document: string])[] = [
  ["listings with their host", 1, `{ listings(first: 20) { nodes { id title ${HOST} } } }`],
  [
    "a listing page",
    1,
    `query ($id: UUID!) { listing(id: $id) { id title ${HOST} photos { url } rates { nightlyAmount }
      amenities { amenityCode amenity { name } }
      reviews(first: 10) { nodes { rating comment author { displayName } } } } }`,
  ],
  [
    "a search with photos",
    1,
    `{ searchListings(west: -180, south: -89, east: 180, north: 89, pageSize: 20) {
      nodes { totalAmount listing { id title photos { url } } } pageInfo { hasNextPage } } }`,
  ],
  [
    "one's bookings",
    1,
    `{ bookings(first: 20) { nodes { id status totalAmount listing { title } guest { displayName }
      payments { status } } pageInfo { hasNextPage } } }`,
  ],
  ["one's bookings, counted", 1, "{ bookings(first: 20) { totalCount nodes { id } } }"],
  [
    "a price and why not",
    1,
    `query ($id: UUID!) { stayPrice${STAY} { totalAmount lineItems { code } }
    bookability${STAY} { code } }`,
  ],
  ["oneself", 1, "{ me { id displayName contact { email } } }"],
];

test.each(REQUESTS)("%s: at most %i round trips", async (_what, most, document) => {
  const client = server.signedIn(market.a.guest);
  const variables = document.includes("$id") ? { id: market.a.booked } : {};
  await client.query(document, variables);
  let trips = 0;
  // What is sent together takes a connection, and gives it back.
  const count = (): void => {
    trips += 1;
  };
  server.resources.pool.on("acquire", count);
  await client.query(document, variables);
  server.resources.pool.off("acquire", count);
  expect(trips).toBeGreaterThan(0);
  expect(trips).toBeLessThanOrEqual(most);
});

test("what is found comes in the order of the function, with its listings", async () => {
  const box = "west => -180, south => -89, east => 180, north => 89";
  const { rows } = await database.withVisitor(null, (client) =>
    client.query<{ id: string }>(
      `select listing_id as id from app_public.search_listings(${box}, page_size => 100)`,
    ),
  );
  const expected = rows.map(({ id }) => id);
  expect(expected.length).toBeGreaterThan(2);
  const found: string[] = [];
  let after: string | null = null;
  do {
    const page: Found = await server.stranger.query(
      `query ($after: String) { searchListings(west: -180, south: -89, east: 180, north: 89,
        pageSize: 2, after: $after) {
        nodes { listing { id } } pageInfo { hasNextPage endCursor } } }`,
      { after },
    );
    const { nodes, pageInfo } = page.searchListings;
    found.push(...nodes.map(({ listing }) => listing?.id ?? "hidden"));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  expect(found).toEqual(expected);
});

interface Found {
  readonly searchListings: {
    readonly nodes: readonly { readonly listing: { readonly id: string } | null }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  };
}
