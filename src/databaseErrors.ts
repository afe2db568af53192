/**
 * What a client may know of anything that was thrown: the errors of the database, its driver and
 * the resources as codes of the registry, with the names of the inputs at fault.
 */

import RULES from "../migrations/constraints.json" with { type: "json" };
import { ApiError, ERRORS, type ErrorCode, isErrorCode } from "./errors.ts";
import { faultyInputs } from "./faultyInputs.ts";
import { textIn } from "./values.ts";

const CODE_OF_SQLSTATE = new Map<string, ErrorCode>(
  Object.entries(ERRORS).flatMap(([code, entry]) =>
    "sqlstate" in entry && isErrorCode(code) ? [[entry.sqlstate, code]] : [],
  ),
);

type Meaning = readonly [code: ErrorCode, message?: string];

/** What PostgreSQL's own errors mean to a client. Their wording stays in the log. */
const MEANING_OF_POSTGRES: Readonly<Record<string, Meaning>> = {
  "08000": ["UNAVAILABLE"],
  "08001": ["UNAVAILABLE"],
  "08003": ["UNAVAILABLE"],
  "08004": ["UNAVAILABLE"],
  "08006": ["UNAVAILABLE"],
  "22000": ["INVALID_INPUT", "A range ends before it begins."],
  "22001": ["INVALID_INPUT", "A text is too long."],
  "22003": ["INVALID_INPUT", "A number is out of range."],
  "22007": ["INVALID_INPUT", "A date or a time is not one."],
  "22008": ["INVALID_INPUT", "A date or a time is out of range."],
  "22021": ["INVALID_INPUT", "A text has a character that cannot be stored."],
  "22023": ["INVALID_INPUT", "A value is not one of those that are possible."],
  "22P02": ["INVALID_INPUT", "A value has not the form of its type."],
  "22P05": ["INVALID_INPUT", "A text has a character that cannot be stored."],
  "23502": ["INVALID_INPUT", "A value is missing."],
  "23505": ["CONFLICT"],
  "25006": ["READ_ONLY"],
  "40001": ["UNAVAILABLE"],
  "40P01": ["UNAVAILABLE"],
  "42501": ["FORBIDDEN"],
  "53300": ["UNAVAILABLE"],
  "54001": ["INVALID_INPUT", "The input is nested too deep."],
  "55P03": ["UNAVAILABLE"],
  "57014": ["TIMEOUT"],
  "57P01": ["UNAVAILABLE"],
  "57P02": ["UNAVAILABLE"],
  "57P03": ["UNAVAILABLE"],
  ECONNREFUSED: ["UNAVAILABLE"],
  ECONNRESET: ["UNAVAILABLE"],
  EPIPE: ["UNAVAILABLE"],
  ETIMEDOUT: ["UNAVAILABLE"],
};

/** What resources throw, by their own codes. */
const MEANING_OF_RESOURCE: Readonly<Record<string, Meaning>> = {
  PASSWORDS_BUSY: ["UNAVAILABLE"],
  PASSWORD_TOO_LONG: ["INVALID_INPUT", "The password is too long."],
};

/**
 * Turns anything thrown into what a client may know. What is not in the registry becomes INTERNAL,
 * without its words: they may hold data that is nobody else's.
 * @param input what the client sent, where it is known: the fields at fault are looked for in it
 */
export function toApiError(thrown: unknown, input?: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const read = readFields(thrown);
  const { code, message, column, constraint, detail } = read;
  const own = code === undefined ? undefined : CODE_OF_SQLSTATE.get(code);
  const named = column === undefined ? [] : [camelCase(column)];
  if (own !== undefined) {
    return new ApiError(own, ERRORS[own].status >= 500 ? ERRORS[own].message : message, {
      fields: named,
      details: readJson(detail),
      cause: thrown,
    });
  }
  const rule = constraint === undefined ? undefined : RULE_OF_CONSTRAINT.get(constraint);
  if (rule !== undefined) return brokenRule(rule, read, input);
  const [known, sentence] = meaningOf(read);
  if (known !== "INVALID_INPUT" || named.length > 0) {
    return new ApiError(known, sentence, { fields: named, cause: thrown });
  }
  const fault = { sqlstate: code, message, domain: undefined, names: [] };
  return new ApiError(known, sentence, { fields: faultyInputs(fault, input), cause: thrown });
}

/** What the comment on a constraint says, and its columns; a domain's are all that have it. */
interface Rule {
  readonly code: string;
  readonly message: string;
  readonly columns: readonly string[];
}

const RULE_OF_CONSTRAINT = new Map<string, Rule>(Object.entries(RULES));

/** Whether a rule is one that clients can break, its comment says; if not, the fault is ours. */
function brokenRule(rule: Rule, read: ErrorFields, input: unknown): ApiError {
  const { cause, message, dataType: domain, code: sqlstate } = read;
  if (!isErrorCode(rule.code) || ERRORS[rule.code].status >= 500) {
    return new ApiError("INTERNAL", undefined, { cause });
  }
  const names = rule.columns.map(camelCase);
  const fields =
    domain === undefined ? names : faultyInputs({ sqlstate, message, domain, names }, input);
  return new ApiError(rule.code, rule.message, { fields, cause });
}

/** The driver has sentences but no codes for connections that did not become free, or broke. */
const AWAY = [
  "timeout exceeded when trying to connect",
  "Connection terminated",
  "Client has encountered a connection error",
  "Client was closed",
];

/** What an error of PostgreSQL, its driver or a resource means to a client. */
function meaningOf({ code, message, constraint }: ErrorFields): Meaning {
  // A constraint without a rule is one that no client can break, except for that on a key.
  if (constraint !== undefined && code !== "23505") return ["INTERNAL"];
  if (code !== undefined)
    return MEANING_OF_POSTGRES[code] ?? MEANING_OF_RESOURCE[code] ?? ["INTERNAL"];
  return [AWAY.some((start) => message.startsWith(start)) ? "UNAVAILABLE" : "INTERNAL"];
}

interface ErrorFields {
  readonly cause: unknown;
  readonly code?: string;
  readonly message: string;
  readonly column?: string;
  readonly constraint?: string;
  /** The domain whose rule is broken. */
  readonly dataType?: string;
  readonly detail?: string;
}

function readFields(thrown: unknown): ErrorFields {
  if (typeof thrown !== "object" || thrown === null) {
    return { cause: thrown, message: String(thrown) };
  }
  const names = ["code", "column", "constraint", "dataType", "detail"];
  const fields = names.map((name) => [name, textIn(thrown, name)]);
  const present = Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  return { ...present, cause: thrown, message: textIn(thrown, "message") ?? "" };
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
