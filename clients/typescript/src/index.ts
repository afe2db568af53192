/**
 * A typed client of the Staybase APIs, for browsers and Node: it signs in and stays signed in,
 * sends again what may be sent again, walks pages, and throws errors that have a code.
 */
import createClient, { type Client } from "openapi-fetch";
import { StaybaseError } from "./errors.ts";
import { createGraphql, type SendGraphql } from "./operations.ts";
import type { components, paths } from "./schema.ts";
import { createSession, type Options, type Session } from "./session.ts";

export { type ErrorCode, StaybaseError, type Thing } from "./errors.ts";
export type { SendGraphql, TypedDocument } from "./operations.ts";
export type { Options, Session } from "./session.ts";
export type { components, paths };

export interface Staybase {
  /** The operations, by method and path: `rest.GET("/listings/{listingId}", ...)`. */
  readonly rest: Client<paths>;
  /**
   * The data of a GraphQL document: `await graphql(document, variables)`.
   * @throws {StaybaseError} where anything of it is an error
   */
  readonly graphql: SendGraphql;
  /** @param code of the second factor, where SECOND_FACTOR_REQUIRED asks for it */
  signIn(email: string, password: string, code?: string): Promise<Session>;
  signOut(): Promise<void>;
}

export function createStaybase(options: Options): Staybase {
  const session = createSession(options);
  const fetch = (request: Request): Promise<Response> => session.fetch(request);
  const rest = createClient<paths>({ baseUrl: `${options.url}/v1`, fetch });
  const graphql = createGraphql(options, session.fetch);
  return { rest, graphql, signIn: session.signIn, signOut: session.signOut };
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
