/**
 * What a REST operation is to the rest of the program: a function from a checked request to an
 * answer. The OpenAPI document says where it listens and what it takes; nothing here knows of
 * Express' routing.
 */

import type { Resources } from "../resources/index.ts";
import type { AccessClaims } from "../resources/tokens.ts";

/** A request that the OpenAPI document has accepted. */
export interface RestRequest {
  readonly params: Readonly<Record<string, string>>;
  /** What stands behind the question mark. */
  readonly query: URLSearchParams;
  /** The body as the document describes it; the raw bytes for webhooks. */
  readonly body: unknown;
  /** Who asks; present where the operation demands a token. */
  readonly viewer: AccessClaims | undefined;
  /** From where the client asks (resources/network.ts). */
  readonly network: string;
  header(name: string): string | undefined;
}

export interface RestAnswer {
  readonly status: number;
  /** JSON; left out for 204. */
  readonly body?: unknown;
  /** Beside what every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * One file an operation, named as its operationId. Throws ApiError, or what the database throws.
 */
export type RestHandler = (resources: Resources, request: RestRequest) => Promise<RestAnswer>;
