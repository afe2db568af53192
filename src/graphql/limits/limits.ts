/**
 * The numbers that bound a GraphQL request. They are here and nowhere else; README.md says why
 * each is what it is.
 */

/** What a call of a function costs. */
export interface FunctionLimit {
  /** Calls under different names in one selection set, fragments spread out. */
  readonly calls: number;
  /** What a call counts, beside the rows of its page. */
  readonly rows?: number;
  /** Arguments that span nights: a call counts as many rows as there are nights. */
  readonly nights?: readonly [from: string, to: string];
  /** Arguments of a box in degrees: the larger it is, the more a call may have to look through. */
  readonly box?: readonly [west: string, south: string, east: string, north: string];
}

/** Every function that is a field, by its place in the schema. */
export const FUNCTIONS: Readonly<Record<string, FunctionLimit>> = {
  "Query.me": { calls: 20 },
  "Query.sessions": { calls: 1, rows: 100 },
  "Query.secondFactor": { calls: 1, rows: 1 },
  "User.responseRate": { calls: 1, rows: 5 },
  "User.staysAsGuest": { calls: 1, rows: 2 },
  "User.staysHosted": { calls: 1, rows: 2 },
  "Query.searchListings": { calls: 3, box: ["west", "south", "east", "north"] },
  "Query.bookability": { calls: 20, rows: 100 },
  "Query.stayPrice": { calls: 20, rows: 100 },
  "Query.cancellationPreview": { calls: 20, rows: 100 },
  "Listing.takenNights": { calls: 1, nights: ["fromDate", "toDate"] },
  "Listing.averageRating": { calls: 1, rows: 1 },
  "Listing.missingForPublication": { calls: 1, rows: 10 },
};

export const LIMITS = {
  /** Bytes of a request's body. */
  bodyBytes: 100_000,
  /** Lexical tokens of a document. */
  tokens: 2000,
  /** Aliases of an operation, fragments spread out. */
  aliases: 50,
  /** Directives of an operation, fragments spread out. */
  directives: 50,
  /** Fields at the root of an operation, fragments spread out. */
  rootFields: 20,
  /** Fields below one another. */
  depth: 12,
  /** The same for introspection, in development. */
  introspectionDepth: 16,
  /** Lists below one another. */
  listDepth: 5,
  /** How often a field may stand below itself. */
  selfReferentialDepth: 2,
  /** Rows of a connection that does not say `first` or `last`. */
  pageDefault: 20,
  /** Rows of any page, and of a plain list. */
  pageMost: 100,
  /** Rows that are counted for `totalCount`, and what a total at the root costs. */
  countMost: 1000,
  /** Rows to skip by `offset`; beyond, `after` costs nothing. */
  offsetMost: 10_000,
  /** Rows that an operation may ask for, nested pages multiplied. */
  rows: 10_000,
  /** An operation that costs more is heavy: it has half of the connections. */
  lightCost: 5000,
  /** Milliseconds for a statement of a heavy operation. */
  heavyStatementMs: 2000,
  /** What an address, or a person, may spend in ten seconds; a unit is some 20 microseconds. */
  costPerTenSeconds: 250_000,
  /** What a row of a plain list costs at most: such lists are seldom full. */
  listCost: 10,
  /** What a search costs for each square degree of its box, and at most. */
  boxCost: { squareDegree: 100, most: 10_000 },
  /** What a selection costs that has to be planned. */
  planningCost: 50,
  /** What an operation costs that is coded: most check a password. */
  codedCost: 2500,
  /** What a document costs that is refused. */
  refusalCost: 2000,
  /** Statements that may wait for a connection. */
  waiting: 1000,
  /** Milliseconds that one may wait; the pool waits as long. */
  waitingMs: 5000,
  /** Nights that a call of a function counts at most. */
  nightsMost: 800,
  /** Selections of an operation, fragments spread out. */
  selections: 5000,
  /** Pairs of selections of one name in one place, to be compared; sixty of a name are 1,770. */
  comparisons: 2000,
  /** Milliseconds to plan an operation; it takes a few, but not on a machine that just starts. */
  planningMs: 3000,
  /** Milliseconds from the plan to the answer. */
  executionMs: 10_000,
  /** Bytes of documents that are kept parsed, so that their plans are found again. */
  documentBytes: 16_000_000,
  /** What a parsed document weighs for each of its characters. */
  bytesPerCharacter: 100,
  /** Bytes of plans that are kept. */
  planBytes: 64_000_000,
  /** What a plan weighs for each selection of its operation. */
  bytesPerSelection: 8000,
  /** Characters of the statements that a connection keeps prepared; each weighs some fifty. */
  statementCharacters: 250_000,
} as const;
