/**
 * Every error that a client can meet, in one table: its code, the SQLSTATE that raises it, the HTTP
 * status and, where the database does not word it, the sentence. GraphQL, REST and the documents
 * all read it from here; a test compares it with the SQL.
 */

/**
 * How an error appears. `sqlstate` is what SQL raises for it; `message` is the default sentence,
 * and `remedy` what a client does next: the page /docs/errors says it.
 */
interface ErrorEntry {
  readonly status: number;
  readonly sqlstate?: string;
  readonly message: string;
  readonly remedy: string;
}

const define = <T extends Record<string, ErrorEntry>>(entries: T): T => entries;

/** The registry. SQLSTATEs are SB, a letter for the domain, and a number. */
export const ERRORS = define({
  // General
  UNAUTHENTICATED: {
    status: 401,
    sqlstate: "SBG01",
    message: "Sign in first.",
    remedy: "Send an access token: `authorization: Bearer ...`, from `/v1/auth/login`.",
  },
  FORBIDDEN: {
    status: 403,
    sqlstate: "SBG02",
    message: "This is not yours to change.",
    remedy: "Sign in as somebody who may do this.",
  },
  NOT_FOUND: {
    status: 404,
    message: "There is nothing here.",
    remedy: "Look at the address and the id. What you may not see is not found either.",
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    message: "This address does not take that method.",
    remedy: "The `Allow` header says which methods there are.",
  },
  INVALID_INPUT: {
    status: 400,
    sqlstate: "SBG04",
    message: "Something in the input is wrong.",
    remedy: "Correct the fields that are named, and send the request again.",
  },
  IMMUTABLE: {
    status: 409,
    sqlstate: "SBG05",
    message: "This is never changed.",
    remedy: "Make a new one instead.",
  },
  PRECONDITION_FAILED: {
    status: 412,
    sqlstate: "SBG08",
    message: "It has changed since you read it.",
    remedy: "Read it again, and send your change with the new `ETag` as `If-Match`.",
  },
  PAGE_TOO_LARGE: {
    status: 400,
    sqlstate: "SBG06",
    message: "A page has 1 to 100 rows.",
    remedy: "Ask for fewer rows, and for the next page after them.",
  },
  QUOTA_REACHED: {
    status: 409,
    sqlstate: "SBG07",
    message: "You may not have more of these.",
    remedy: "Remove what you do not need, or ask the operator for more.",
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    message: "The request is too large.",
    remedy: "Send less at once: 100 kB are the most.",
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    message: "Send application/json.",
    remedy: "Set `content-type: application/json`.",
  },
  DOCUMENT_UNKNOWN: {
    status: 400,
    message: "This server takes the documents that it knows, and does not know this one.",
    remedy:
      "Send the `documentId` of a trusted document, or let whoever runs the server add yours.",
  },
  QUERY_TOO_COMPLEX: {
    status: 400,
    message: "The query is too complex: ask for less at once.",
    remedy: "Ask for fewer rows, or split the query. The message says what costs most.",
  },
  RATE_LIMITED: {
    status: 429,
    message: "Too many requests. Wait a little, then try again.",
    remedy: "Wait as many seconds as `Retry-After` says.",
  },
  TIMEOUT: {
    status: 503,
    message: "This took too long. Ask for less, or try again.",
    remedy:
      "Ask for less, or try again later. A change may have been made: read before you repeat it.",
  },
  UNAVAILABLE: {
    status: 503,
    message: "This is not available right now. Try again shortly.",
    remedy:
      "Try again after some seconds, with the same idempotency key where there was one. " +
      "If the connection broke in between, a change may have been made.",
  },
  INTERNAL: {
    status: 500,
    message: "Something went wrong on our side.",
    remedy: "Report the `requestId`. We find the reason in the log.",
  },
  CONFLICT: {
    status: 409,
    message: "This is there already, or somebody else was faster.",
    remedy: "Read what is there now, then decide.",
  },

  // Identity
  TOKEN_EXPIRED: {
    status: 401,
    message: "The access token has expired; refresh it.",
    remedy: "Ask `/v1/auth/refresh` for a new access token.",
  },
  TOKEN_INVALID: {
    status: 401,
    message: "The access token is not one of ours.",
    remedy: "Log in again.",
  },
  INVALID_CREDENTIALS: {
    status: 401,
    message: "E-mail or password is wrong, or the address is not confirmed yet.",
    remedy: "Look at address and password, and open the link of the mail if you have not.",
  },
  REFRESH_TOKEN_INVALID: {
    status: 401,
    message: "Log in again: this session has ended.",
    remedy: "Log in again. If you did not use this token twice, somebody else has it.",
  },
  ORIGIN_NOT_ALLOWED: {
    status: 403,
    message: "Pages of this origin may not use the session of this browser.",
    remedy:
      "Ask from a page of the server, or let whoever runs it add your origin to `CORS_ORIGINS`. " +
      "What is no browser sends the refresh token in the body.",
  },
  REGISTRATION_INVALID: {
    status: 410,
    sqlstate: "SBI03",
    message: "This link is used or too old. Log in, or register again.",
    remedy: "Log in if the link was used, else register again.",
  },
  LINK_INVALID: {
    status: 410,
    sqlstate: "SBI04",
    message: "This link is used or too old. Ask for a new one.",
    remedy: "Ask for a new link. It works once, for an hour, and not after another one was used.",
  },
  SECOND_FACTOR_REQUIRED: {
    status: 401,
    message: "The password is right. Type the code of your second factor, too.",
    remedy:
      "Send the request again with `code`: the six digits that the app shows, or a recovery code.",
  },
  SECOND_FACTOR_MISSING: {
    status: 403,
    sqlstate: "SBI06",
    message: "You have no second factor. Enable one first.",
    remedy: "Enable a second factor: `POST /v1/me/second-factor`, and then its `/enable`.",
  },
  SECOND_FACTOR_ENABLED: {
    status: 409,
    sqlstate: "SBI07",
    message: "You have a second factor. Remove it before you choose another.",
    remedy: "Remove it with `DELETE /v1/me/second-factor`, then begin again.",
  },
  PROOF_REQUIRED: {
    status: 403,
    message: "Show who you are again: you signed in more than five minutes ago.",
    remedy:
      "Send the password (and code) to `POST /v1/me/proof`, or sign in again, and repeat this.",
  },
  PASSWORD_MISSING: {
    status: 409,
    message: "You have no password yet. Ask for a link by which to choose one.",
    remedy: "`POST /v1/auth/password/forgot` mails a link by which to choose the first one, too.",
  },
  OIDC_UNAVAILABLE: {
    status: 503,
    message: "The provider does not answer at the moment. Try again, or sign in another way.",
    remedy: "Try again in a moment, or sign in another way.",
  },
  OIDC_ANSWER_INVALID: {
    status: 502,
    message: "What the provider said cannot be believed. Try again, or sign in another way.",
    remedy: "Begin again. Where it stays so, the log names the reason, such as a wrong secret.",
  },
  OIDC_CANCELLED: {
    status: 403,
    message: "The provider was not allowed to say who you are.",
    remedy: "Begin again and agree there, or sign in another way.",
  },
  OIDC_STATE_INVALID: {
    status: 410,
    message: "This sign-in was begun in another browser, is over, or took too long. Begin again.",
    remedy: "Begin again. A way to a provider and back is good once, for ten minutes.",
  },
  OIDC_CODE_INVALID: {
    status: 410,
    sqlstate: "SBI20",
    message: "This sign-in is used or too old, or was begun elsewhere. Begin again.",
    remedy: "Begin again. A code is good once, for a minute, with the verifier of its challenge.",
  },
  OIDC_EMAIL_MISSING: {
    status: 409,
    sqlstate: "SBI21",
    message: "The provider gave no e-mail address.",
    remedy: "Let the provider share the address, or register by `POST /v1/auth/register`.",
  },
  OIDC_EMAIL_UNVERIFIED: {
    status: 409,
    sqlstate: "SBI22",
    message: "The provider does not know whether the address is yours.",
    remedy:
      "Prove the address to the provider; or register by `POST /v1/auth/register`, then " +
      "`POST /v1/me/identities`.",
  },
  OIDC_EMAIL_TAKEN: {
    status: 409,
    sqlstate: "SBI23",
    message: "There is an account with this address.",
    remedy:
      "Sign in as before, then `POST /v1/me/identities`: with the same code, while its minute " +
      "lasts.",
  },
  LAST_SIGN_IN: {
    status: 409,
    sqlstate: "SBI24",
    message: "This is your only way to sign in.",
    remedy: "Choose a password first: `POST /v1/auth/password/forgot` mails the link.",
  },
  IDENTITY_TAKEN: {
    status: 409,
    sqlstate: "SBI25",
    message: "This sign-in is that of another account, or you have one of this provider already.",
    remedy: "Read `GET /v1/me/identities`; remove the one there is, or sign in with the other.",
  },
  ACCOUNT_SUSPENDED: {
    status: 403,
    sqlstate: "SBI08",
    message: "This account is suspended. Write to us.",
    remedy: "Write to the marketplace, which can reinstate the account.",
  },
  PASSWORD_CHANGED: {
    status: 401,
    sqlstate: "SBI09",
    message: "The password has just changed. Sign in with the new one.",
    remedy: "Sign in with the new password.",
  },
  READ_ONLY: {
    status: 403,
    message: "You act as somebody else, and change nothing.",
    remedy: "Use your own access token; or ask the person to do it.",
  },
  ACCOUNT_IN_USE: {
    status: 409,
    sqlstate: "SBI30",
    message: "The account is in use. Let what is open come to its end first.",
    remedy:
      "`details` says what is in the way: `BOOKINGS` that are not over, `REFUNDS` that have not " +
      "arrived, `EARNINGS` that are owed, `DEBTS`; or `OPERATOR`, for a right to be revoked first.",
  },
  EXPORT_LIMIT: {
    status: 409,
    sqlstate: "SBI31",
    message: "You have asked for your data already. Use the link that we mail.",
    remedy: "Wait for the mail, or use the last one. One export runs at a time, three a day.",
  },

  // Listings
  LISTING_NOT_FOUND: {
    status: 404,
    sqlstate: "SBL01",
    message: "There is no such listing.",
    remedy: "Look at the id. A listing that is not published, only its host sees.",
  },
  LISTING_INCOMPLETE: {
    status: 409,
    sqlstate: "SBL02",
    message: "The listing is not complete.",
    remedy: "`details` and `missingForPublication` say what is missing.",
  },
  LISTING_STATUS: {
    status: 409,
    sqlstate: "SBL03",
    message: "The listing's status forbids it.",
    remedy: "Read the listing's status: an archived one, for example, stays archived.",
  },
  UNKNOWN_AMENITY: {
    status: 400,
    sqlstate: "SBL04",
    message: "There is no such amenity.",
    remedy: "Take the codes from `amenities`.",
  },
  TOO_MANY_PHOTOS: {
    status: 409,
    sqlstate: "SBL05",
    message: "A listing has 100 photos at most.",
    remedy: "Delete a photo first.",
  },

  // Calendar
  DATES_UNAVAILABLE: {
    status: 409,
    sqlstate: "SBC01",
    message: "These nights are taken.",
    remedy: "Look for free nights with `takenNights`, or search with other dates.",
  },
  INVALID_STAY: {
    status: 400,
    sqlstate: "SBC02",
    message: "Check-out comes after check-in.",
    remedy: "Give a check-out after the check-in.",
  },
  STAY_IN_PAST: {
    status: 400,
    sqlstate: "SBC03",
    message: "Check-in is in the past.",
    remedy: "Give a check-in from today on, by the listing's time zone.",
  },
  STAY_TOO_LONG: {
    status: 400,
    sqlstate: "SBC04",
    message: "The stay is too long.",
    remedy: "Ask for fewer nights; `details` has the most.",
  },
  TOO_MANY_GUESTS: {
    status: 400,
    sqlstate: "SBC05",
    message: "So many guests do not fit.",
    remedy: "Look for a listing with a larger `maxGuests`.",
  },
  INVALID_GUESTS: {
    status: 400,
    sqlstate: "SBC06",
    message: "At least one guest stays.",
    remedy: "Give the number of guests, from 1.",
  },
  BLOCK_NOT_FOUND: {
    status: 404,
    sqlstate: "SBC07",
    message: "There is no such block.",
    remedy: "Read the calendar for the blocks that there are.",
  },
  STAY_TOO_SHORT: {
    status: 400,
    sqlstate: "SBC08",
    message: "The stay is too short.",
    remedy: "Ask for more nights; `details` has the least.",
  },
  STAY_TOO_FAR: {
    status: 400,
    sqlstate: "SBC09",
    message: "Check-in is too far ahead.",
    remedy: "Take an earlier check-in, or come back later.",
  },
  ADVANCE_NOTICE: {
    status: 400,
    sqlstate: "SBC10",
    message: "The host needs more notice.",
    remedy: "Take a later check-in.",
  },
  CHILDREN_NOT_WELCOME: {
    status: 400,
    sqlstate: "SBC11",
    message: "This listing is not for children.",
    remedy: "Look for a listing that has `welcomesChildren`.",
  },
  TOO_MANY_INFANTS: {
    status: 400,
    sqlstate: "SBC12",
    message: "So many infants may not come.",
    remedy: "Look for a listing with a larger `maxInfants`.",
  },
  PETS_NOT_ALLOWED: {
    status: 400,
    sqlstate: "SBC13",
    message: "Pets are not allowed here.",
    remedy: "Search with the amenity `pets_allowed`.",
  },
  TOO_MANY_PETS: {
    status: 400,
    sqlstate: "SBC14",
    message: "So many pets may not come.",
    remedy: "Look for a listing with a larger `maxPets`.",
  },

  // Pricing
  QUOTE_NOT_FOUND: {
    status: 404,
    sqlstate: "SBP01",
    message: "There is no such quote.",
    remedy: "Look at the id: a quote is only for the guest who asked for it.",
  },
  QUOTE_EXPIRED: {
    status: 409,
    sqlstate: "SBP02",
    message: "The quote has expired.",
    remedy: "Make a new quote.",
  },
  QUOTE_USED: {
    status: 409,
    sqlstate: "SBP03",
    message: "The quote is booked already.",
    remedy: "Read the booking that was made of it.",
  },
  INVALID_AMOUNT: {
    status: 400,
    sqlstate: "SBP04",
    message: "The amount is out of range.",
    remedy: "Give an amount, in minor units, within the limits that the message names.",
  },
  UNKNOWN_CURRENCY: {
    status: 400,
    sqlstate: "SBP05",
    message: "There is no such currency.",
    remedy: "Take a code from `currencies`.",
  },
  RATES_MISSING: {
    status: 409,
    sqlstate: "SBP06",
    message: "The listing has no rates.",
    remedy: "The host sets rates with `setListingRates`.",
  },
  CURRENCY_IN_USE: {
    status: 409,
    sqlstate: "SBP07",
    message: "Dated rates are in the old currency.",
    remedy: "Delete the dated rates first.",
  },

  // Bookings
  BOOKING_NOT_FOUND: {
    status: 404,
    sqlstate: "SBB01",
    message: "There is no such booking.",
    remedy: "Look at the id: only guest and host see a booking.",
  },
  IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    sqlstate: "SBB02",
    message: "Choose an idempotency key of 8 to 200 characters.",
    remedy: "Send a key of 8 to 200 characters, such as a UUID, new for each intention.",
  },
  IDEMPOTENCY_KEY_REQUIRED: {
    status: 400,
    message: "Send an idempotency key.",
    remedy: "Send `Idempotency-Key: <a UUID>`, new for each intention, the same in each repeat.",
  },
  IDEMPOTENCY_IN_FLIGHT: {
    status: 409,
    message: "The first request with this key is still running.",
    remedy: "Wait as many seconds as `Retry-After` says, then repeat the same request.",
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    sqlstate: "SBB03",
    message: "This idempotency key was used for something else.",
    remedy: "Take a new key for another request.",
  },
  OWN_LISTING: {
    status: 409,
    sqlstate: "SBB04",
    message: "Hosts do not book their own listing.",
    remedy: "Close nights of your own with `blockNights`.",
  },
  REQUEST_EXPIRED: {
    status: 409,
    sqlstate: "SBB05",
    message: "The time to answer this request is over.",
    remedy: "The guest can ask again; `answerDueAt` of a request says until when it waits.",
  },
  ALTERATION_ENDED: {
    status: 409,
    sqlstate: "SBB11",
    message: "This change of a stay has ended, or is accepted already.",
    remedy: "Read the status of the change; propose a new one where it has ended.",
  },
  ALTERATION_OPEN: {
    status: 409,
    sqlstate: "SBB12",
    message: "A change of this booking is open.",
    remedy: "Answer it, withdraw it or pay for it first.",
  },
  ALTERATION_NOT_FOUND: {
    status: 404,
    sqlstate: "SBB13",
    message: "There is no such change of a stay.",
    remedy: "Read the alterations of the booking.",
  },
  OUTSIDE_STAY: {
    status: 409,
    sqlstate: "SBB14",
    message: "This is said during the stay.",
    remedy:
      "Arriving and leaving are noted from the day of check-in until two days after check-out; " +
      "that nobody came, from a day later on.",
  },
  BOOKING_NOT_PAYABLE: {
    status: 409,
    sqlstate: "SBB06",
    message: "This booking takes no payment.",
    remedy: "Read the booking's status: it may be paid already.",
  },
  HOLD_EXPIRED: {
    status: 409,
    sqlstate: "SBB07",
    message: "The hold has expired.",
    remedy: "Make a new quote, and book it.",
  },
  BOOKING_STATUS: {
    status: 409,
    sqlstate: "SBB08",
    message: "The booking's status forbids it.",
    remedy: "Read the booking's status, then decide.",
  },
  TOO_MANY_HOLDS: {
    status: 409,
    sqlstate: "SBB10",
    message: "You hold too many stays, or have begun too many within an hour.",
    remedy: "Pay for a stay that you hold, or give it up with `cancelHold`; or wait.",
  },
  CALENDAR_MISMATCH: {
    status: 500,
    sqlstate: "SBB09",
    message: "Booking and calendar disagree.",
    remedy: "Report the `requestId`. Nothing was changed.",
  },

  // Money
  LINE_ITEMS_MISMATCH: {
    status: 500,
    sqlstate: "SBM01",
    message: "The quote does not sum up.",
    remedy: "Report the `requestId`. Nothing was changed.",
  },
  LEDGER_UNBALANCED: {
    status: 500,
    sqlstate: "SBM02",
    message: "The ledger is not balanced.",
    remedy: "Report the `requestId`. Nothing was changed.",
  },
  AMOUNT_MISMATCH: {
    status: 500,
    sqlstate: "SBM03",
    message: "Another amount was received.",
    remedy: "Report the `requestId`. Nothing was changed.",
  },
  REFUND_TOO_LARGE: {
    status: 409,
    sqlstate: "SBM04",
    message: "More would be given back than was taken.",
    remedy: "Give back at most what is left of the payment, in its currency.",
  },
  REFUND_SETTLED: {
    status: 409,
    sqlstate: "SBM05",
    message: "This refund has not failed, or was repeated or settled before.",
    remedy: "Look for refunds with `needsAttention`: those are repeated or settled.",
  },
  REFUND_NOT_FOUND: {
    status: 404,
    sqlstate: "SBM06",
    message: "There is no such refund.",
    remedy: "Read the refunds of the booking's payments.",
  },
  PAYMENT_PROVIDER: {
    status: 502,
    message: "The payment provider did not answer. Repeat the request: nothing is charged twice.",
    remedy: "Repeat the same request.",
  },
  PAYMENT_UNAVAILABLE: {
    status: 503,
    message: "The payment provider does not answer at the moment. Nothing has been charged.",
    remedy: "Repeat the same request after the seconds that `Retry-After` says.",
  },
  SIGNATURE_INVALID: {
    status: 400,
    message: "The signature of the webhook is not valid.",
    remedy: "Look at the webhook secret and at the clock of the sender.",
  },
  PAYMENT_METHOD_NOT_FOUND: {
    status: 404,
    message: "There is no such card among yours.",
    remedy: "List your cards by GET /v1/payment-methods.",
  },
  PAYMENT_REFUSED: {
    status: 502,
    message:
      "The payment provider refuses this payment, and repeating does not help. Book again, or " +
      "ask us.",
    remedy: "Make a new quote and book it, or report the `requestId`.",
  },

  // Reviews
  STAY_NOT_OVER: {
    status: 409,
    sqlstate: "SBR01",
    message: "The stay is not over yet.",
    remedy: "Come back on the day of check-out.",
  },
  ALREADY_REVIEWED: {
    status: 409,
    sqlstate: "SBR02",
    message: "This stay is reviewed already.",
    remedy: "A review stands as it was written.",
  },
  INVALID_RATING: {
    status: 400,
    sqlstate: "SBR03",
    message: "Rate from 1 to 5.",
    remedy: "Give whole numbers from 1 to 5.",
  },

  // Search
  INVALID_BOX: {
    status: 400,
    sqlstate: "SBS01",
    message: "The box is not one.",
    remedy: "Give west, south, east and north in degrees, south below north.",
  },
  INVALID_CURSOR: {
    status: 400,
    sqlstate: "SBS02",
    message: "The cursor is not one of ours.",
    remedy: "Begin with the first page. A cursor is good for the query that gave it.",
  },
  NOT_SEARCHABLE: {
    status: 400,
    sqlstate: "SBS03",
    message: "This cannot be searched by.",
    remedy: "Leave the filter out that the message names.",
  },
  INVALID_FILTER: {
    status: 400,
    sqlstate: "SBS04",
    message: "The filter makes no sense.",
    remedy: "Correct the filter that the message names.",
  },
});

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}

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
  /** Where the code is explained; an address on this server. */
  readonly page: string;
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
    this.page = `/docs/errors#${code}`;
    this.fields = options.fields ?? [];
    this.details = options.details;
  }
}
