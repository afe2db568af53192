/**
 * Opens one connection for a command and closes it again, with an error that says what to do
 * when it cannot. The pool of the server and the worker is src/resources/postgres.ts.
 */
import pg from "pg";
import { explainConnection } from "./errors.ts";

const CONNECT_TIMEOUT_MS = 5000;

/** Where to connect, and the variable to blame when that fails. */
export interface Endpoint {
  readonly url: string;
  readonly variable: "DATABASE_URL" | "ROOT_DATABASE_URL";
}

/**
 * Runs `task` on a connection of its own.
 * @throws {DatabaseCommandError} when the server cannot be reached or refuses
 */
export async function withClient<T>(
  { url, variable }: Endpoint,
  task: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "staybase migrations",
  });
  // An error on an idle connection also fails the next query, which is where it is reported.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw explainConnection(error, variable, url);
  }
  try {
    return await task(client);
  } finally {
    await client.end().catch(() => {});
  }
}
