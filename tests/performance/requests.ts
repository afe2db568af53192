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
  readonly guestId: string;
  readonly guestToken: string;
}

/**
 * Whom we ask: ours in two ways, and where it keeps answers for visitors, and the servers of peers/.
 */
export const FACES = [
  "handwritten",
  "graphql",
  "rest",
  "kept",
  "mercurius",
  "platformatic",
] as const;
export type Face = (typeof FACES)[number];
/** What answers otherwise than GraphQL by design, or is the same. */
export const OURS: readonly Face[] = ["graphql", "rest", "kept"];

export interface Measured {
  readonly name: string;
  /** Undefined where a server has no such request. */
  readonly of: Readonly<Record<Face, AskOf | undefined>>;
  /** What Platformatic answers in the form of the others, where an alias is not enough. */
  readonly platformatic?: (data: unknown) => unknown;
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

/** The same of Platformatic: without row-level security the document says what may be seen. */
const GENERATED_LIST = `{ nodes: appPublicListings(limit: 20,
  where: { status: { eq: published } }, orderBy: [{ field: id, direction: ASC }]) {
    id title city host { id displayName } } }`;
const GENERATED_PAGE = `query ($id: ID!) { listing: getAppPublicListingById(id: $id) {
  id title description host { id displayName }
  photos: appPublicListingPhotos(limit: 100, orderBy: [{ field: position, direction: ASC },
    { field: id, direction: ASC }]) { url }
  rates: appPublicListingRates { currency { code } nightlyAmount }
  reviews: appPublicReviews(limit: 10, orderBy: [{ field: id, direction: DESC }]) {
    id rating comment author { displayName } } }
  amenities: appPublicListingAmenities(limit: 100, where: { listingId: { eq: $id } },
    orderBy: [{ field: amenityCode, direction: ASC }]) { amenityCo { code } } }`;
const GENERATED_MINE = `query ($id: ID!) { nodes: appPublicBookings(limit: 20,
  where: { guestId: { eq: $id } }, orderBy: [{ field: id, direction: DESC }]) {
    id status checkIn checkOut totalAmount listing { title } } }`;

/** Two roots, for a table with a key of two columns hangs on nothing there. */
function generatedPage(data: unknown): unknown {
  const { listing, amenities } = data as {
    listing: { rates: { currency: { code: string }; nightlyAmount: string }[] };
    amenities: { amenityCo: { code: string } }[];
  };
  const [rates] = listing.rates;
  return {
    ...listing,
    rates: rates && { ...rates, currency: rates.currency.code },
    amenities: amenities.map(({ amenityCo }) => ({ amenityCode: amenityCo.code })),
  };
}

export const MEASURED: readonly Measured[] = [
  {
    name: "20 listings",
    of: {
      graphql: graphql(LIST, () => ({})),
      kept: graphql(LIST, () => ({})),
      rest: () => ({ method: "GET", path: "/v1/listings?include=host" }),
      handwritten: () => ({ method: "GET", path: "/list" }),
      mercurius: graphql(LIST, () => ({})),
      platformatic: graphql(GENERATED_LIST, () => ({})),
    },
  },
  {
    name: "listing page",
    of: {
      graphql: graphql(PAGE, (market, index) => ({ id: at(market.listingIds, index) })),
      kept: graphql(PAGE, ({ listingIds }) => ({ id: at(listingIds, 0) })),
      rest: (market, index) => ({
        method: "GET",
        path: `/v1/listings/${at(market.listingIds, index)}?include=host&include=photos&include=amenities&include=rates`,
      }),
      handwritten: (market, index) => ({
        method: "GET",
        path: `/page?id=${at(market.listingIds, index)}`,
      }),
      mercurius: graphql(PAGE, (market, index) => ({ id: at(market.listingIds, index) })),
      platformatic: graphql(GENERATED_PAGE, (market, index) => ({
        id: at(market.listingIds, index),
      })),
    },
    platformatic: generatedPage,
  },
  {
    name: "search",
    of: {
      graphql: graphql(SEARCH, box),
      kept: graphql(SEARCH, (market) => box(market, 0)),
      rest: (market, index) => ({
        method: "GET",
        path: `/v1/search?${query(box(market, index))}&guests=2&include=listing&include=photos`,
      }),
      handwritten: (market, index) => ({
        method: "GET",
        path: `/search?${query(box(market, index))}`,
      }),
      mercurius: graphql(SEARCH, box),
      // It knows no functions.
      platformatic: undefined,
    },
  },
  {
    name: "my bookings",
    of: {
      graphql: signedIn(graphql(MINE, () => ({}))),
      // Of who is signed in, nothing is kept.
      kept: undefined,
      rest: signedIn(() => ({ method: "GET", path: "/v1/bookings?include=listing" })),
      handwritten: signedIn(() => ({ method: "GET", path: "/mine" })),
      mercurius: signedIn(graphql(MINE, () => ({}))),
      platformatic: graphql(GENERATED_MINE, ({ guestId }) => ({ id: guestId })),
    },
  },
];
