/** The requests that are measured: the same four, asked of each server in its own way. */

/** One HTTP request. */
export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  readonly token?: string;
}

/** What a request needs of the market it is asked of. */
export interface Market {
  readonly listingIds: readonly string[];
  readonly places: readonly { readonly longitude: number; readonly latitude: number }[];
  readonly guestToken: string;
}

export interface Measured {
  readonly name: string;
  /** Undefined where a server has no such request. */
  readonly of: Readonly<Record<"graphql" | "rest" | "handwritten", AskOf | undefined>>;
}
type AskOf = (market: Market, index: number) => Ask;

const graphql =
  (query: string, variablesOf: (market: Market, index: number) => object): AskOf =>
  (market, index) => ({
    method: "POST",
    path: "/graphql",
    body: JSON.stringify({ query, variables: variablesOf(market, index) }),
  });

const DAY_MS = 86_400_000;
const date = (days: number): string =>
  new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

function box(market: Market, index: number): Record<string, number | string> {
  const { longitude, latitude } = at(market.places, index);
  const checkIn = 20 + (index % 90);
  return {
    west: Math.max(-180, longitude - 0.05),
    south: latitude - 0.05,
    east: Math.min(180, longitude + 0.05),
    north: latitude + 0.05,
    checkIn: date(checkIn),
    checkOut: date(checkIn + 3),
  };
}
const query = (values: object): string =>
  new URLSearchParams(
    Object.entries(values).map(([key, value]) => [key, String(value)] as [string, string]),
  ).toString();
const signedIn =
  (ask: AskOf): AskOf =>
  (market, index) => ({ ...ask(market, index), token: market.guestToken });

const LIST = "{ listings(first: 20) { nodes { id title city host { id displayName } } } }";
const PAGE = `query ($id: UUID!) { listing(id: $id) { id title description
  host { id displayName } photos(first: 100) { url } amenities(first: 100) { amenityCode }
  rates { currency nightlyAmount }
  reviews(first: 10) { nodes { id rating comment author { displayName } } } } }`;
const SEARCH = `query ($west: Float!, $south: Float!, $east: Float!, $north: Float!,
  $checkIn: Date, $checkOut: Date) {
  searchListings(west: $west, south: $south, east: $east, north: $north, checkIn: $checkIn,
    checkOut: $checkOut, guests: 2, pageSize: 20) {
    nodes { totalAmount currency listing { id title photos(first: 100) { url } } } } }`;
const MINE = `{ bookings(first: 20) { nodes { id status checkIn checkOut totalAmount
  listing { title } } } }`;

export const MEASURED: readonly Measured[] = [
  {
    name: "20 listings",
    of: {
      graphql: graphql(LIST, () => ({})),
      rest: () => ({ method: "GET", path: "/v1/listings?include=host" }),
      handwritten: () => ({ method: "GET", path: "/list" }),
    },
  },
  {
    name: "listing page",
    of: {
      graphql: graphql(PAGE, (market, index) => ({ id: at(market.listingIds, index) })),
      rest: (market, index) => ({
        method: "GET",
        path: `/v1/listings/${at(market.listingIds, index)}?include=host&include=photos&include=amenities&include=rates`,
      }),
      handwritten: (market, index) => ({
        method: "GET",
        path: `/page?id=${at(market.listingIds, index)}`,
      }),
    },
  },
  {
    name: "search",
    of: {
      graphql: graphql(SEARCH, box),
      rest: (market, index) => ({
        method: "GET",
        path: `/v1/search?${query(box(market, index))}&guests=2&include=listing&include=photos`,
      }),
      handwritten: (market, index) => ({
        method: "GET",
        path: `/search?${query(box(market, index))}`,
      }),
    },
  },
  {
    name: "my bookings",
    of: {
      graphql: signedIn(graphql(MINE, () => ({}))),
      rest: signedIn(() => ({ method: "GET", path: "/v1/bookings?include=listing" })),
      handwritten: signedIn(() => ({ method: "GET", path: "/mine" })),
    },
  },
];
