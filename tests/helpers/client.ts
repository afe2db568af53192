/** A client of the API as an app would be one: GraphQL and REST over HTTP, with or without a token. */

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
  /** Parsed JSON; an empty object where there is no body. */
  readonly body: Record<string, unknown>;
}

export interface Client {
  /** Sends an operation and returns whatever comes. */
  send<T>(query: string, variables?: Record<string, unknown>): Promise<GraphqlAnswer<T>>;
  /** Sends an operation that must succeed. */
  query<T>(query: string, variables?: Record<string, unknown>): Promise<T>;
  post(path: string, body?: unknown): Promise<RestResponse>;
  get(path: string): Promise<RestResponse>;
  /** The same client with a token. */
  withToken(token: string): Client;
}

export function apiClient(baseUrl: string, token?: string): Client {
  const headers: Record<string, string> = { "content-type": "application/json" };
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
    return { status: response.status, data: body.data, errors: body.errors ?? [] };
  };
  const rest = async (path: string, init: RequestInit): Promise<RestResponse> => {
    const response = await fetch(`${baseUrl}${path}`, { ...init, headers });
    const text = await response.text();
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  };
  return {
    send,
    query: async <T>(query: string, variables?: Record<string, unknown>): Promise<T> => {
      const { data, errors } = await send<T>(query, variables);
      if (errors.length > 0 || data == null) {
        throw new Error(`The operation failed: ${JSON.stringify(errors)}`);
      }
      return data;
    },
    post: (path, body) =>
      rest(path, {
        method: "POST",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    get: (path) => rest(path, {}),
    withToken: (next) => apiClient(baseUrl, next),
  };
}
