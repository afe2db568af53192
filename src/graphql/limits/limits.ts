/**
 * The numbers that bound a GraphQL request. They are here and nowhere else; README.md says why
 * each is what it is.
 */

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
  /** Rows to skip by `offset`; beyond, `after` costs nothing. */
  offsetMost: 10_000,
  /** Rows that an operation may ask for, nested pages multiplied. */
  rows: 10_000,
  /** Selections of an operation, fragments spread out. */
  selections: 5000,
  /** Milliseconds to plan an operation; it takes a few, but not on a machine that just starts. */
  planningMs: 3000,
  /** Milliseconds from the plan to the answer. */
  executionMs: 10_000,
  /** Documents that are kept parsed, so that their plans are found again. */
  documents: 500,
  /** Characters of a document that is kept. */
  documentCharacters: 10_000,
} as const;
