/**
 * The connections of the authenticator role, and the transaction in which everything happens: role
 * and claims are set for one transaction alone, so that row-level security sees who asks. No
 * business rule and no SQL of any table lives here.
 */
import { Pool, type PoolClient } from "pg";
import { type Config, redactUrl } from "../config/index.ts";
import type { Logger } from "./logger.ts";
import { codeOf, messageOf, ResourceError } from "./resourceError.ts";

/** The oldest server that the schema is written for. */
export const LEAST_POSTGRES_VERSION = 18;

export interface PoolOptions {
  /** Shown in pg_stat_activity, for example `staybase-worker`. */
  readonly applicationName: string;
  /** Connections at most; default is the configuration's. */
  readonly max?: number;
  /** Milliseconds for one statement; default is the configuration's. */
  readonly statementTimeoutMs?: number;
}

/** Opens a pool; it connects when it is first used. The caller ends it with `pool.end()`. */
export function createPool(
  config: Pick<Config, "database"> & { readonly database: { readonly url: string } },
  logger: Logger,
  options: PoolOptions,
): Pool {
  const statementTimeout = options.statementTimeoutMs ?? config.database.statementTimeoutMs;
  const pool = new Pool({
    connectionString: config.database.url,
    application_name: options.applicationName,
    max: options.max ?? config.database.poolSize,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // What is sent on one connection does not wait for the answer to what was sent before.
    pipeline: true,
    statement_timeout: statementTimeout,
    // The server ends a late statement itself; this one is for a server that answers no more.
    query_timeout: statementTimeout + 2000,
    idle_in_transaction_session_timeout: 30_000,
  });
  // Without a handler, a connection that breaks while idle would end the process.
  pool.on("error", (error) => {
    logger.warn({ err: error }, "an idle database connection broke; the pool opens another");
  });
  // The same while a connection is lent to somebody: whoever uses it meets the error in its query.
  pool.on("connect", (client) => {
    client.on("error", (error) => {
      logger.warn({ err: error }, "a database connection broke while it was in use");
    });
  });
  return pool;
}

/** Who a transaction acts for. Nobody is signed in where `userId` is missing. */
export interface Claims {
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** From where they ask, for the audit log. */
  readonly network?: string | undefined;
}

export interface TransactionOptions {
  /** The role to become, for example `config.database.visitor`; none stays the authenticator. */
  readonly role?: string | undefined;
  readonly claims?: Claims | undefined;
}

/**
 * Runs `fn` in one transaction with its own role and claims, and commits what it did; when it
 * throws, everything is rolled back and the error goes on to the caller.
 */
export async function withTransaction<T>(
  pool: Pool,
  options: TransactionOptions,
  fn: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const { userId = "", sessionId = "", network = "" } = options.claims ?? {};
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await client.query("begin");
    await client.query(
      `select set_config('role', $1, true),
              set_config('staybase.user_id', $2, true),
              set_config('staybase.session_id', $3, true),
              set_config('staybase.network', $4, true)`,
      [options.role ?? "none", userId, sessionId, network],
    );
    const result = await fn(client);
    await commit(client);
    return result;
  } catch (error) {
    await client.query("rollback").catch((fault: Error) => {
      broken = fault;
    });
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/**
 * Commits, and notices a transaction that was lost: `commit` after an error that the caller
 * swallowed answers ROLLBACK without an error of its own.
 */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query("commit");
  if (command !== "COMMIT") {
    throw new ResourceError(
      "TRANSACTION_LOST",
      "The transaction was rolled back: an error inside it was caught and not passed on.",
    );
  }
}

/** serialization_failure, deadlock_detected, lock_not_available. */
const RETRYABLE = new Set(["40001", "40P01", "55P03"]);

/** Whether the database asks to run the whole transaction again. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && RETRYABLE.has(code);
}

/**
 * Runs `fn`, a whole transaction, and runs it again when the database could not serialise it or
 * ended it as a deadlock's victim: three more times at most, then the last error is thrown. `fn`
 * must do nothing outside the transaction.
 */
export async function retryable<T>(fn: () => Promise<T>): Promise<T> {
  for (let repeats = 0; ; repeats += 1) {
    try {
      return await fn();
    } catch (error) {
      if (repeats >= 3 || !isRetryable(error)) throw error;
      // Rivals that wait equally long would only meet again.
      const delay = 2 ** repeats * (5 + Math.random() * 20);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

/**
 * Asks the server who it is.
 * @throws {ResourceError} `POSTGRES_TOO_OLD`, or `POSTGRES_UNREACHABLE`, `POSTGRES_LOGIN_REFUSED`,
 *   `POSTGRES_DATABASE_MISSING` with what to do
 */
export async function assertPostgresVersion(pool: Pool): Promise<void> {
  let text: string | undefined;
  try {
    const { rows } = await pool.query<{ server_version_num: string }>("show server_version_num");
    text = rows[0]?.server_version_num;
  } catch (error) {
    throw explainConnectError(error, pool.options.connectionString);
  }
  const major = Math.floor(Number(text) / 10_000);
  if (major >= LEAST_POSTGRES_VERSION) return;
  throw new ResourceError(
    "POSTGRES_TOO_OLD",
    `The database runs PostgreSQL ${major}, but ${LEAST_POSTGRES_VERSION} or newer is needed. ` +
      "Upgrade the server, or let DATABASE_URL name another one (empty runs an embedded one).",
  );
}

/** What a failure to connect means and what to do, without the password. */
export function explainConnectError(error: unknown, url: string | undefined): ResourceError {
  const where = redactUrl(url);
  const code = codeOf(error);
  const wrap = (ours: string, message: string): ResourceError =>
    new ResourceError(ours, message, { cause: error });
  if (code === "28P01" || code === "28000") {
    const message = `${where} refuses the login. Check user and password of DATABASE_URL.`;
    return wrap("POSTGRES_LOGIN_REFUSED", message);
  }
  if (code === "3D000") {
    const message = `${where} has no such database. Create it, or check the name in DATABASE_URL.`;
    return wrap("POSTGRES_DATABASE_MISSING", message);
  }
  const message =
    `The database ${where} cannot be reached: ${messageOf(error)}. Check that it runs and that ` +
    "host and port of DATABASE_URL are right; empty runs an embedded one.";
  return wrap("POSTGRES_UNREACHABLE", message);
}
