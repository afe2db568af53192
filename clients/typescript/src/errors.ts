/** What an answer looks like that says what went wrong. */
import type { components } from "./schema.ts";

/** What one of our answers looks like, by its name: `Thing<"Booking">`. */
export type Thing<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** Every code that an error can have. */
export type ErrorCode = Thing<"Problem">["code"];

/** An answer that says what went wrong. */
export class StaybaseError extends Error {
  /** What happened, for programs; `undefined` where the answer was not one of ours. */
  readonly code: ErrorCode | undefined;
  readonly status: number;
  /** Names of the inputs at fault. */
  readonly fields: readonly string[];
  readonly details: unknown;
  /** Where in a GraphQL answer it went wrong. */
  readonly path: readonly (string | number)[];

  constructor(
    status: number,
    problem: Partial<Thing<"Problem">> = {},
    path: readonly (string | number)[] = [],
  ) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.name = "StaybaseError";
    this.code = problem.code;
    this.status = status;
    this.fields = problem.fields ?? [];
    this.details = problem.details;
    this.path = path;
  }
}
