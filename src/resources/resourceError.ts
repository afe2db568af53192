/**
 * The one error class of this folder: a sentence for a person and a `code` for a program. It knows
 * nothing of HTTP or GraphQL; src/errors.ts decides what a client is told.
 */

/** A resource could not do what was asked. `code` is stable, the message is not. */
export class ResourceError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "ResourceError";
    this.code = code;
  }
}

/** The `code` of anything thrown, where it has one: SQLSTATE, errno name or our own. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}

/** The message of anything thrown; never empty, also for an AggregateError of connection faults. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map(messageOf).join("; ");
  }
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return String(error);
}
