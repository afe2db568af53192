/**
 * The connections of the GraphQL API. Each statement is a transaction of its own, with the role and
 * the claims of whoever asks, in one round trip (scopedQuery.ts); a transaction that lost against
 * another one runs again here, as REST's do. Each takes a connection when there is one for who
 * asks. What a statement does is not known here.
 */
import type { Pool, PoolClient } from "pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { retryable } from "../resources/postgres.ts";
import { type Asker, createShare } from "./connections.ts";
import { LIMITS } from "./limits/limits.ts";
import { prepareSettings, queryAs, type Settings } from "./scopedQuery.ts";
import { keepStatement } from "./statements.ts";
import type { Timing } from "./timing.ts";

type PgService = ReturnType<typeof makePgService>;
/** Runs `callback` with a connection whose statements each run as whoever the settings say. */
type WithPgClient = Grafast.Context["withPgClient"];

/** The service for `preset.ts`, which reads the schema at the start as the `operator` role. */
export function createPgService(pool: Pool, operator: string): PgService {
  return makePgService({
    pool,
    schemas: ["app_public"],
    pubsub: false,
    pgSettingsForIntrospection: { role: operator },
  });
}

/**
 * How the steps of a request get a connection. It stands in the context of each request, where
 * the library's own function would leave a timer of five seconds behind for each statement, and
 * with it the request and its answer.
 * @param asker for whom a statement runs
 */
export function createWithPgClient(pool: Pool, asker: () => Asker | undefined): WithPgClient {
  const share = createShare(pool.options.max);
  return (pgSettings, callback) =>
    // A transaction that lost against another one runs again, as REST's do.
    retryable(() => {
      const asking = asker();
      if (asking === undefined || pgSettings === null) {
        throw new Error("A statement came past who asks.");
      }
      const settings = asking.isHeavy ? { ...pgSettings, ...HEAVY } : pgSettings;
      const { timing } = asking;
      return share(asking, () => withScopedClient(pool, settings, timing, callback));
    });
}

type Client = Parameters<Parameters<WithPgClient>[1]>[0];

/** Lends a connection whose statements each run as whoever the settings say. */
async function withScopedClient<T>(
  pool: Pool,
  settings: Settings,
  timing: Timing | undefined,
  callback: (client: Client) => T | Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  let broken: Error | undefined;
  try {
    await prepareSettings(connection);
    return await callback(scopedClient(connection, settings, timing));
  } catch (error) {
    // What the server has not said, it may still be about to say: to nobody else.
    if (error instanceof Error && !("severity" in error)) broken = error;
    throw error;
  } finally {
    connection.release(broken);
  }
}

function scopedClient(
  connection: PoolClient,
  settings: Settings,
  timing: Timing | undefined,
): Client {
  return {
    rawClient: connection,
    query: async (options) => {
      await keepStatement(connection, options);
      const { text, name, values, arrayMode } = options;
      const started = performance.now();
      const { rows, rowCount } = await queryAs(connection, settings, {
        text,
        ...(name !== undefined && { name }),
        ...(values !== undefined && { values }),
        ...(arrayMode === true && { rowMode: "array" }),
      });
      timing?.asked(performance.now() - started);
      return { rows, rowCount };
    },
    withTransaction: () => {
      throw new Error("A step of GraphQL is one statement, and that is a transaction.");
    },
  };
}

/** Settings of a heavy operation's transactions, beside those of whoever asks. */
const HEAVY = { statement_timeout: String(LIMITS.heavyStatementMs) };
