/**
 * The last stop of a request: what was not found, and whatever was thrown, leaves as problem+json
 * (RFC 9457) with a code of the registry. Words of errors that are ours to mend stay in the log.
 */

import { STATUS_CODES } from "node:http";
import type { ErrorRequestHandler, Express, Request, Response } from "express";
import { toApiError } from "../databaseErrors.ts";
import { ApiError, CODE_OF_STATUS } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { memberOf, numberIn } from "../values.ts";

/** Installs the answers to errors and to unknown addresses; nothing comes after it. */
export function installProblems(app: Express, resources: Resources): void {
  app.use((_request, _response, next) => next(new ApiError("NOT_FOUND")));
  const answer: ErrorRequestHandler = (thrown: unknown, request, response, next) => {
    if (response.headersSent) {
      next(thrown);
      return;
    }
    const error = toProblem(thrown, request.body);
    if (error.status >= 500) {
      resources.logger.error({ err: thrown, requestId: request.id }, "a request failed");
    }
    sendProblem(request, response, error);
  };
  // Twice, for outside production a problem that the OpenAPI document does not know is thrown back,
  // and is then a fault of ours like any other answer that does not fit.
  app.use(answer, answer);
}

/** The media type of errors (RFC 9457). */
export const PROBLEM_TYPE = "application/problem+json";

/** Writes an error as problem+json; by `json`, for that is where the validator looks at answers. */
function sendProblem(request: Request, response: Response, error: ApiError): void {
  if (error.status === 401) response.setHeader("WWW-Authenticate", "Bearer");
  const wait = retryAfter(error);
  if (wait !== undefined) response.setHeader("Retry-After", wait);
  const allowed = error.status === 405 ? allowedMethods(error.cause) : undefined;
  if (allowed !== undefined) response.setHeader("Allow", allowed);
  response.status(error.status).type(PROBLEM_TYPE);
  response.json(problemOf(request, error));
}

/** The document that a client gets for an error. */
export function problemOf(request: Request, error: ApiError): Readonly<Record<string, unknown>> {
  return {
    type: error.page,
    title: STATUS_CODES[error.status] ?? "Error",
    status: error.status,
    code: error.code,
    detail: error.message,
    ...(error.fields.length === 0 ? {} : { fields: error.fields }),
    ...(error.details === undefined ? {} : { details: error.details }),
    requestId: String(request.id),
  };
}

/** What comes along with a 405 (RFC 9110 wants it); the OpenAPI document does not name HEAD. */
function allowedMethods(thrown: unknown): string | undefined {
  const allow = memberOf(memberOf(thrown, "headers"), "Allow");
  return typeof allow === "string" ? allow.replace(/\bGET\b(?!, HEAD)/, "GET, HEAD") : undefined;
}

function retryAfter(error: ApiError): number | undefined {
  const seconds = memberOf(error.details, "retryAfterSeconds");
  return typeof seconds === "number" ? seconds : undefined;
}

/**
 * What the parsers and the OpenAPI validator throw has a `status`; the rest is the registry's
 * matter.
 */
export function toProblem(thrown: unknown, body: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const code = CODE_OF_STATUS[numberIn(thrown, "status") ?? 0];
  if (code === undefined) return toApiError(thrown, body);
  const faults = validationFaults(thrown);
  const keyFault = faults.find(({ field }) => field.toLowerCase() === "idempotency-key");
  if (keyFault !== undefined) {
    const isMissing = keyFault.message === "is missing";
    return new ApiError(isMissing ? "IDEMPOTENCY_KEY_REQUIRED" : "IDEMPOTENCY_KEY_INVALID");
  }
  return new ApiError(code, code === "INVALID_INPUT" ? sentence(thrown, faults) : undefined, {
    fields: faults.map((fault) => fault.field),
    cause: thrown,
  });
}

/** Where the validator found a fault: in which part of the request, and in what of it. */
const PLACE = /^\/(body|query|params|headers)(?:\/(.+))?$/;

/** The validator's words about its rules, in words about the input. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^must have required property.*/, "is missing"],
  [/^must NOT have additional properties.*/, "is not known"],
  [/^Unknown query parameter.*/, "is not known"],
  [/^must match format "uuid".*/, "is not a UUID"],
  [/^must match format "(.+)".*/, "is not a $1"],
  [/^must match pattern.*/, "has not the form that the reference describes"],
];

interface Fault {
  readonly field: string;
  readonly message: string;
}

/**
 * The validator lists faults as {path: '/body/email', message: 'must ...'}; values are never
 * quoted.
 */
function validationFaults(thrown: unknown): Fault[] {
  const errors = memberOf(thrown, "errors");
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 20).flatMap((item: unknown) => {
    const [path, message] = [memberOf(item, "path"), memberOf(item, "message")];
    const place = typeof path === "string" ? PLACE.exec(path) : null;
    if (place === null || typeof message !== "string") return [];
    const reword = (said: string, [pattern, words]: (typeof WORDS)[number]): string =>
      said.replace(pattern, words);
    return [{ field: place[2] ?? place[1] ?? "", message: WORDS.reduce(reword, message) }];
  });
}

function sentence(thrown: unknown, faults: readonly Fault[]): string | undefined {
  if (thrown instanceof SyntaxError) return "The body is not JSON.";
  if (faults.length === 0) return undefined;
  return `${faults.map((fault) => `${fault.field} ${fault.message}`).join("; ")}.`;
}
