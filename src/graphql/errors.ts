/**
 * Turns every error of a GraphQL request into what a client may know: a sentence, and under
 * `extensions` the registry's code and status. Words of errors that are ours to mend stay in the
 * log. Which errors exist is decided in src/errors.ts.
 */
import { SafeError } from "postgraphile/grafast";
import { GraphQLError, type GraphQLFormattedError } from "postgraphile/graphql";
import { toApiError } from "../databaseErrors.ts";
import { ApiError, type ErrorCode, isErrorCode } from "../errors.ts";
import type { Logger } from "../resources/logger.ts";
import { argumentsOf, fieldsOfInput } from "./inputs.ts";

/** What a client finds under `extensions` of each error. */
export interface ErrorExtensions {
  readonly code: ErrorCode;
  /** What REST would answer. */
  readonly status: number;
  /** The address on this server of the page that explains the code. */
  readonly page: string;
  /** Inputs at fault, by their names in the API. */
  readonly fields?: readonly string[];
  readonly details?: unknown;
  /** To find the line in the log that says more. */
  readonly requestId?: string;
}

/** What an error's words may depend on. */
export interface AskedBy {
  readonly requestId: string | undefined;
  readonly isSignedIn: boolean;
  /** The variables of the operation, once they are coerced. */
  variables?: Readonly<Record<string, unknown>>;
  /** Whether words may tell names of the schema. */
  readonly introspection: boolean;
}

/** An error as it is sent, without a place in the answer. */
export function formatApiError(error: ApiError, requestId?: string): GraphQLFormattedError {
  return { message: error.message, extensions: { ...extensionsOf(error, requestId) } };
}

/** What a masked error says, for who answers without GraphQL. */
export function apiErrorOf({ message, extensions }: GraphQLError): ApiError {
  const { code, fields, details } = extensions;
  if (!isErrorCode(code)) return new ApiError("INTERNAL");
  return new ApiError(code, message, {
    fields: Array.isArray(fields) ? fields.map(String) : [],
    details,
  });
}

/** An error of the document or its variables, found before anything was executed. */
export function inputError(error: GraphQLError, code: ErrorCode = "INVALID_INPUT"): GraphQLError {
  const fields = code === "INVALID_INPUT" ? fieldsOfInput(error) : [];
  return reword(error, error.message, extensionsOf(new ApiError(code, undefined, { fields })));
}

/**
 * An error of an execution. INTERNAL ones are logged, with the id under which the client reports
 * them, without variables.
 */
export function maskError(
  error: GraphQLError,
  log: Logger,
  asked: AskedBy | undefined,
): GraphQLError {
  const requestId = asked?.requestId;
  const found = readApiError(error, asked?.variables);
  // A row that belongs to nobody yet is refused by row-level security; signing in would help.
  const isStranger = asked?.isSignedIn === false && found.code === "FORBIDDEN";
  const known = isStranger ? new ApiError("UNAUTHENTICATED") : found;
  if (known.status >= 500) {
    const at = error.path?.join(".");
    const fields = { err: known.cause ?? error, code: known.code, requestId, path: at };
    if (known.code === "INTERNAL") log.error(fields, "a GraphQL field failed");
    else log.warn(fields, "a GraphQL field could not be answered");
  }
  const tellsNames = asked?.introspection === true;
  const message = tellsNames ? known.message : withoutSuggestion(known.message);
  return reword(error, message, extensionsOf(known, requestId));
}

/** "Did you mean ...?" tells names of a schema that may not be introspected. */
export function withoutSuggestion(message: string): string {
  return message.replace(/ Did you mean .*\?$/s, "");
}

/** The same error at the same place, in other words. */
export function reword(
  error: GraphQLError,
  message: string,
  extensions?: ErrorExtensions,
): GraphQLError {
  return new GraphQLError(message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
    extensions: extensions === undefined ? null : { ...extensions },
  });
}

function extensionsOf(error: ApiError, requestId?: string): ErrorExtensions {
  return {
    code: error.code,
    status: error.status,
    page: error.page,
    ...(error.fields.length === 0 ? {} : { fields: error.fields }),
    ...(error.details === undefined ? {} : { details: error.details }),
    ...(error.status < 500 || requestId === undefined ? {} : { requestId }),
  };
}

function readApiError(
  error: GraphQLError,
  variables: Readonly<Record<string, unknown>> | undefined,
): ApiError {
  const { code } = error.extensions;
  if (error.originalError === undefined && isErrorCode(code)) {
    return new ApiError(code, error.message);
  }
  const cause = causeOf(error);
  if (cause instanceof GraphQLError) {
    // Variables are refused before there is a path. With one, the schema has promised too much.
    if (cause.path === undefined && error.path === undefined) {
      return new ApiError("INVALID_INPUT", cause.message, { fields: fieldsOfInput(error) });
    }
    return new ApiError("INTERNAL", undefined, { cause });
  }
  if (cause instanceof SafeError) return readSafeError(cause);
  if (isCursorError(cause)) return new ApiError("INVALID_CURSOR", undefined, { cause });
  if (isMissingRow(cause)) return new ApiError("NOT_FOUND", undefined, { cause });
  return toApiError(cause, argumentsOf(error, variables));
}

/** The innermost error that a GraphQLError was made of. */
function causeOf(error: GraphQLError): unknown {
  let cause: unknown = error;
  while (cause instanceof GraphQLError && cause.originalError !== undefined) {
    cause = cause.originalError;
  }
  return cause;
}

/** Errors that Grafast means clients to read: timeouts, and misuse of arguments. */
function readSafeError(error: SafeError): ApiError {
  const late = Object.getOwnPropertySymbols(error.extensions ?? {}).some(
    (symbol) => symbol.description === "timeout",
  );
  if (late) return new ApiError("TIMEOUT", undefined, { cause: error });
  if (isCursorError(error)) return new ApiError("INVALID_CURSOR", undefined, { cause: error });
  return new ApiError("INVALID_INPUT", error.message, { cause: error });
}

/** A cursor of another order or list has another digest, which no class of error tells. */
function isCursorError(error: unknown): boolean {
  return error instanceof Error && /^Invalid (.* )?cursor/.test(error.message);
}

/** What a generated delete throws when it finds nothing; an update is seen to in missing.ts. */
function isMissingRow(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("No values were deleted");
}
