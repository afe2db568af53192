/**
 * Every error that a client can meet, in one table: its code, the SQLSTATE that raises it, the HTTP
 * status and, where the database does not word it, the sentence. GraphQL, REST and the documents
 * all read it from here; a test compares it with the SQL.
 */

import { textIn } from "./values.ts";

/**
 * How an error appears. `sqlstate` is what SQL raises for it; `message` is the default sentence.
 */
interface ErrorEntry {
  readonly status: number;
  readonly sqlstate?: string;
  readonly message: string;
}

const define = <T extends Record<string, ErrorEntry>>(entries: T): T => entries;

/** The registry. SQLSTATEs are SB, a letter for the domain, and a number. */
export const ERRORS = define({
  // General
  UNAUTHENTICATED: { status: 401, sqlstate: "SBG01", message: "Sign in first." },
  FORBIDDEN: { status: 403, sqlstate: "SBG02", message: "This is not yours to change." },
  NOT_FOUND: { status: 404, message: "There is nothing here." },
  METHOD_NOT_ALLOWED: { status: 405, message: "This address does not take that method." },
  INVALID_INPUT: { status: 400, sqlstate: "SBG04", message: "Something in the input is wrong." },
  IMMUTABLE: { status: 409, sqlstate: "SBG05", message: "This is never changed." },
  PAGE_TOO_LARGE: { status: 400, sqlstate: "SBG06", message: "A page has 1 to 100 rows." },
  PAYLOAD_TOO_LARGE: { status: 413, message: "The request is too large." },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: "Send application/json." },
  QUERY_TOO_COMPLEX: {
    status: 400,
    message: "The query is too complex: ask for less at once.",
  },
  RATE_LIMITED: { status: 429, message: "Too many requests. Wait a little, then try again." },
  TIMEOUT: { status: 503, message: "This took too long. Ask for less, or try again." },
  UNAVAILABLE: { status: 503, message: "This is not available right now. Try again shortly." },
  INTERNAL: { status: 500, message: "Something went wrong on our side." },
  CONFLICT: { status: 409, message: "This is there already, or somebody else was faster." },

  // Identity
  TOKEN_EXPIRED: { status: 401, message: "The access token has expired; refresh it." },
  TOKEN_INVALID: { status: 401, message: "The access token is not one of ours." },
  INVALID_CREDENTIALS: {
    status: 401,
    message: "E-mail or password is wrong, or the address is not confirmed yet.",
  },
  REFRESH_TOKEN_INVALID: { status: 401, message: "Log in again: this session has ended." },
  REGISTRATION_INVALID: {
    status: 410,
    sqlstate: "SBI03",
    message: "This link is used or too old. Log in, or register again.",
  },

  // Listings
  LISTING_NOT_FOUND: { status: 404, sqlstate: "SBL01", message: "There is no such listing." },
  LISTING_INCOMPLETE: { status: 409, sqlstate: "SBL02", message: "The listing is not complete." },
  LISTING_STATUS: { status: 409, sqlstate: "SBL03", message: "The listing's status forbids it." },
  UNKNOWN_AMENITY: { status: 400, sqlstate: "SBL04", message: "There is no such amenity." },
  TOO_MANY_PHOTOS: { status: 409, sqlstate: "SBL05", message: "A listing has 100 photos at most." },

  // Calendar
  DATES_UNAVAILABLE: { status: 409, sqlstate: "SBC01", message: "These nights are taken." },
  INVALID_STAY: { status: 400, sqlstate: "SBC02", message: "Check-out comes after check-in." },
  STAY_IN_PAST: { status: 400, sqlstate: "SBC03", message: "Check-in is in the past." },
  STAY_TOO_LONG: { status: 400, sqlstate: "SBC04", message: "The stay is too long." },
  TOO_MANY_GUESTS: { status: 400, sqlstate: "SBC05", message: "So many guests do not fit." },
  INVALID_GUESTS: { status: 400, sqlstate: "SBC06", message: "At least one guest stays." },
  BLOCK_NOT_FOUND: { status: 404, sqlstate: "SBC07", message: "There is no such block." },
  STAY_TOO_SHORT: { status: 400, sqlstate: "SBC08", message: "The stay is too short." },
  STAY_TOO_FAR: { status: 400, sqlstate: "SBC09", message: "Check-in is too far ahead." },
  ADVANCE_NOTICE: { status: 400, sqlstate: "SBC10", message: "The host needs more notice." },

  // Pricing
  QUOTE_NOT_FOUND: { status: 404, sqlstate: "SBP01", message: "There is no such quote." },
  QUOTE_EXPIRED: { status: 409, sqlstate: "SBP02", message: "The quote has expired." },
  QUOTE_USED: { status: 409, sqlstate: "SBP03", message: "The quote is booked already." },
  INVALID_AMOUNT: { status: 400, sqlstate: "SBP04", message: "The amount is out of range." },
  UNKNOWN_CURRENCY: { status: 400, sqlstate: "SBP05", message: "There is no such currency." },
  RATES_MISSING: { status: 409, sqlstate: "SBP06", message: "The listing has no rates." },
  CURRENCY_IN_USE: {
    status: 409,
    sqlstate: "SBP07",
    message: "Dated rates are in the old currency.",
  },

  // Bookings
  BOOKING_NOT_FOUND: { status: 404, sqlstate: "SBB01", message: "There is no such booking." },
  IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    sqlstate: "SBB02",
    message: "Choose an idempotency key of 8 to 200 characters.",
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 409,
    sqlstate: "SBB03",
    message: "This idempotency key was used for something else.",
  },
  OWN_LISTING: { status: 409, sqlstate: "SBB04", message: "Hosts do not book their own listing." },
  NOT_INSTANT: { status: 409, sqlstate: "SBB05", message: "This host takes requests only." },
  BOOKING_NOT_PAYABLE: {
    status: 409,
    sqlstate: "SBB06",
    message: "This booking takes no payment.",
  },
  HOLD_EXPIRED: { status: 409, sqlstate: "SBB07", message: "The hold has expired." },
  BOOKING_STATUS: { status: 409, sqlstate: "SBB08", message: "The booking's status forbids it." },
  TOO_MANY_HOLDS: { status: 409, sqlstate: "SBB10", message: "You hold too many stays." },
  CALENDAR_MISMATCH: { status: 500, sqlstate: "SBB09", message: "Booking and calendar disagree." },

  // Money
  LINE_ITEMS_MISMATCH: { status: 500, sqlstate: "SBM01", message: "The quote does not sum up." },
  LEDGER_UNBALANCED: { status: 500, sqlstate: "SBM02", message: "The ledger is not balanced." },
  AMOUNT_MISMATCH: { status: 500, sqlstate: "SBM03", message: "Another amount was received." },
  PAYMENT_PROVIDER: {
    status: 502,
    message: "The payment provider did not answer. Repeat the request: nothing is charged twice.",
  },
  SIGNATURE_INVALID: { status: 400, message: "The signature of the webhook is not valid." },

  // Reviews
  STAY_NOT_OVER: { status: 409, sqlstate: "SBR01", message: "The stay is not over yet." },
  ALREADY_REVIEWED: { status: 409, sqlstate: "SBR02", message: "This stay is reviewed already." },
  INVALID_RATING: { status: 400, sqlstate: "SBR03", message: "Rate from 1 to 5." },

  // Search
  INVALID_BOX: { status: 400, sqlstate: "SBS01", message: "The box is not one." },
  INVALID_CURSOR: { status: 400, sqlstate: "SBS02", message: "The cursor is not one of ours." },
  NOT_SEARCHABLE: { status: 400, sqlstate: "SBS03", message: "This cannot be searched by." },
  INVALID_FILTER: { status: 400, sqlstate: "SBS04", message: "The filter makes no sense." },
});

export type ErrorCode = keyof typeof ERRORS;

/** What parsers, the OpenAPI validator and Grafserv refuse by themselves, by HTTP status. */
export const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "INVALID_INPUT",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
};

/**
 * An error as a client gets it: a code from the registry, a sentence, and the fields it is about.
 */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  /** Names of the inputs at fault, as the client wrote them (camelCase). */
  readonly fields: readonly string[];
  /** More for programs, such as what a listing still lacks. */
  readonly details: unknown;

  constructor(
    code: ErrorCode,
    message: string = ERRORS[code].message,
    options: { fields?: readonly string[]; details?: unknown; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ApiError";
    this.code = code;
    this.status = ERRORS[code].status;
    this.fields = options.fields ?? [];
    this.details = options.details;
  }
}

const CODE_OF_SQLSTATE = new Map<string, ErrorCode>(
  (Object.entries(ERRORS) as [ErrorCode, ErrorEntry][]).flatMap(([code, entry]) =>
    entry.sqlstate === undefined ? [] : [[entry.sqlstate, code]],
  ),
);

/** What a class of PostgreSQL's own errors means to a client. Their wording stays in the log. */
const CODE_OF_POSTGRES: Readonly<Record<string, ErrorCode>> = {
  "22001": "INVALID_INPUT", // string too long
  "22003": "INVALID_INPUT", // number out of range
  "22007": "INVALID_INPUT", // not a date
  "22008": "INVALID_INPUT", // date out of range
  "22021": "INVALID_INPUT", // not UTF-8
  "22023": "INVALID_INPUT",
  "22P02": "INVALID_INPUT", // not a UUID, not a number
  "22P05": "INVALID_INPUT",
  "23502": "INVALID_INPUT",
  "23503": "INVALID_INPUT", // refers to something that is not there
  "23505": "CONFLICT",
  "23514": "INVALID_INPUT",
  "23P01": "DATES_UNAVAILABLE", // the exclusion constraint behind the guard row
  "40001": "UNAVAILABLE",
  "40P01": "UNAVAILABLE",
  "42501": "FORBIDDEN",
  "53300": "UNAVAILABLE",
  "55P03": "UNAVAILABLE",
  "57014": "TIMEOUT",
  "57P01": "UNAVAILABLE",
  "57P03": "UNAVAILABLE",
  ECONNREFUSED: "UNAVAILABLE",
  ECONNRESET: "UNAVAILABLE",
  ETIMEDOUT: "UNAVAILABLE",
};

/** What resources throw, by their own codes. */
const CODE_OF_RESOURCE: Readonly<Record<string, ErrorCode>> = {
  PASSWORDS_BUSY: "UNAVAILABLE",
  PASSWORD_TOO_LONG: "INVALID_INPUT",
};

/**
 * Turns anything thrown into what a client may know. What is not in the registry becomes INTERNAL,
 * without its words: they may hold data that is nobody else's.
 */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const { code, message, column, constraint, detail } = readFields(thrown);
  const own = code === undefined ? undefined : CODE_OF_SQLSTATE.get(code);
  if (own !== undefined) {
    return new ApiError(own, ERRORS[own].status >= 500 ? ERRORS[own].message : message, {
      fields: column === undefined ? [] : [camelCase(column)],
      details: readJson(detail),
      cause: thrown,
    });
  }
  const known = knownCode(code, message);
  if (known === undefined) return new ApiError("INTERNAL", undefined, { cause: thrown });
  return new ApiError(known, sentenceFor(known, constraint), {
    fields: column === undefined ? [] : [camelCase(column)],
    details: constraint === undefined ? undefined : { constraint },
    cause: thrown,
  });
}

/** What an error of PostgreSQL, its driver or a resource means to a client. */
function knownCode(code: string | undefined, message: string): ErrorCode | undefined {
  if (code !== undefined) return CODE_OF_POSTGRES[code] ?? CODE_OF_RESOURCE[code];
  // The pool has a sentence but no code for "no connection became free in time".
  return message.startsWith("timeout exceeded when trying to connect") ? "UNAVAILABLE" : undefined;
}

/** A check of ours is named for its claim: listings_title_has_length says what must hold. */
function sentenceFor(code: ErrorCode, constraint: string | undefined): string {
  if (code !== "INVALID_INPUT" || constraint === undefined) return ERRORS[code].message;
  return `The input breaks a rule: ${constraint.replaceAll("_", " ")}.`;
}

interface ErrorFields {
  readonly code?: string;
  readonly message: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly detail?: string;
}

function readFields(thrown: unknown): ErrorFields {
  if (typeof thrown !== "object" || thrown === null) return { message: String(thrown) };
  const names = ["code", "column", "constraint", "detail"];
  const fields = names.map((name) => [name, textIn(thrown, name)]);
  const present = Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  return { ...present, message: textIn(thrown, "message") ?? "" };
}

function readJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
