/**
 * A typed client of the Staybase REST API, for browsers and Node: it signs in and stays signed in,
 * sends again what may be sent again, walks pages, and throws errors that have a code.
 */
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.ts";
import { createSession, type Session } from "./session.ts";

export type { Session } from "./session.ts";
export type { components, paths };

/** What one of our answers looks like, by its name: `Thing<"Booking">`. */
export type Thing<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** Every code that an error can have. */
export type ErrorCode = Thing<"Problem">["code"];

export interface Options {
  /** The server, such as `https://api.example.com`. */
  readonly url: string;
  /** Where a session is kept between visits; in memory without it. */
  readonly session?: Session;
  /** Hears of each new session, and of its end as undefined, to keep it. */
  readonly onSession?: (session: Session | undefined) => void;
  /** How often a request that may be repeated is sent again; 3 without it. */
  readonly retries?: number;
  readonly fetch?: typeof fetch;
}

export interface Staybase {
  /** The operations, by method and path: `rest.GET("/listings/{listingId}", ...)`. */
  readonly rest: Client<paths>;
  signIn(email: string, password: string): Promise<Session>;
  signOut(): Promise<void>;
}

/** An answer that says what went wrong. */
export class StaybaseError extends Error {
  /** What happened, for programs; `undefined` where the answer was not one of ours. */
  readonly code: ErrorCode | undefined;
  readonly status: number;
  /** Names of the inputs at fault. */
  readonly fields: readonly string[];
  readonly details: unknown;

  constructor(status: number, problem: Partial<Thing<"Problem">> = {}) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.name = "StaybaseError";
    this.code = problem.code;
    this.status = status;
    this.fields = problem.fields ?? [];
    this.details = problem.details;
  }
}

export function createStaybase(options: Options): Staybase {
  const session = createSession(options);
  const rest = createClient<paths>({ baseUrl: `${options.url}/v1`, fetch: session.fetch });
  return { rest, signIn: session.signIn, signOut: session.signOut };
}

/** A key for one intention: repeat a request with it, and it has one effect and one answer. */
export const newKey = (): string => crypto.randomUUID();

/** The data of an answer. @throws {StaybaseError} where it is an error */
export async function unwrap<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw new StaybaseError(response.status, Object(error));
  return data as T;
}

/** Every item of a list, page after page: `for await (const booking of pages((cursor) => ...))`. */
export async function* pages<Item>(
  ask: (cursor: string | undefined) => Promise<{
    data?: { items: readonly Item[]; nextCursor: string | null };
    error?: unknown;
    response: Response;
  }>,
): AsyncGenerator<Item> {
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await unwrap(ask(cursor));
    yield* items;
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}
