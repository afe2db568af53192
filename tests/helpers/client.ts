/** A client of the API as an app would be one: GraphQL and REST over HTTP, with or without a token. */
import { randomUUID } from "node:crypto";
import { keepSecrets } from "./logs.ts";

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: {
    readonly code?: string;
    readonly status?: number;
    readonly fields?: readonly string[];
  };
}

export interface GraphqlAnswer<T> {
  readonly status: number;
  readonly data: T | null | undefined;
  readonly errors: readonly GraphqlError[];
}

export interface RestResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came. */
  readonly text: string;
  /** Parsed JSON; an empty object where there is no body. */
  readonly body: Record<string, unknown>;
}

export interface Client {
  /** Sends an operation and returns whatever comes. */
  send<T>(query: string, variables?: Record<string, unknown>): Promise<GraphqlAnswer<T>>;
  /** Sends an operation that must succeed. */
  query<T>(query: string, variables?: Record<string, unknown>): Promise<T>;
  post(
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<RestResponse>;
  /** Asks to pay a booking; a new intention, unless the key is that of an earlier one. */
  askToPay(bookingId: string, key?: string): Promise<RestResponse>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<RestResponse>;
  /** Sends a request of any method. */
  rest(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<RestResponse>;
  delete(path: string): Promise<RestResponse>;
  /** The same client with a token. */
  withToken(token: string): Client;
  /** The same person at another server. */
  at(server: string): Client;
}

interface RestInit extends RequestInit {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who accepts it is told by the status that a request was refused; others always get 200. */
export const GRAPHQL = "application/graphql-response+json";

export function apiClient(baseUrl: string, token?: string): Client {
  const headers: Record<string, string> = { "content-type": "application/json", accept: GRAPHQL };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const send = async <T>(
    query: string,
    variables: Record<string, unknown> = {},
  ): Promise<GraphqlAnswer<T>> => {
    const response = await fetch(`${baseUrl}/graphql`, {
      method: "POST",
      headers,
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as { data?: T | null; errors?: GraphqlError[] };
    keepSecrets(variables);
    keepSecrets(body.data);
    return { status: response.status, data: body.data, errors: body.errors ?? [] };
  };
  const rest = async (path: string, init: RestInit): Promise<RestResponse> => {
    const response = await fetch(`${baseUrl}${path}`, {
      ...init,
      headers: { ...headers, ...init.headers },
    });
    const text = await response.text();
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    keepSecrets(body);
    return { status: response.status, headers: response.headers, text, body };
  };
  const request: Client["rest"] = (method, path, body, more = {}) => {
    keepSecrets(body);
    return rest(path, {
      method,
      headers: more,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const post: Client["post"] = (path, body, more) => request("POST", path, body, more);
  return {
    send,
    query: async <T>(query: string, variables?: Record<string, unknown>): Promise<T> => {
      const { data, errors } = await send<T>(query, variables);
      if (errors.length > 0 || data == null) {
        throw new Error(`The operation failed: ${JSON.stringify(errors)}`);
      }
      return data;
    },
    post,
    askToPay: (bookingId, key = randomUUID()) =>
      post(`/v1/bookings/${bookingId}/payment`, undefined, { "idempotency-key": key }),
    get: (path, more) => request("GET", path, undefined, more),
    rest: request,
    delete: (path) => rest(path, { method: "DELETE" }),
    withToken: (next) => apiClient(baseUrl, next),
    at: (server) => apiClient(server, token),
  };
}
