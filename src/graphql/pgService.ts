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
type WithPgClient = Awaited<ReturnType<PgService["adaptor"]["createWithPgClient"]>>;

/**
 * The service for `preset.ts`.
 * @param operator the role whose grants the API shows
 * @param asker for whom a statement runs; nobody at the start, when the schema is read
 */
export function createPgService(
  pool: Pool,
  operator: string,
  asker: () => Asker | undefined,
): PgService {
  const service = makePgService({
    pool,
    schemas: ["app_public"],
    pubsub: false,
    pgSettingsForIntrospection: { role: operator },
  });
  const { createWithPgClient } = service.adaptor;
  const share = createShare(pool.options.max);
  return {
    ...service,
    adaptor: {
      ...service.adaptor,
      createWithPgClient: async (...settings) => {
        const withPgClient = await createWithPgClient(...settings);
        const shared: WithPgClient = (pgSettings, callback) => {
          const asking = asker();
          if (asking === undefined || pgSettings === null) {
            return withPgClient(pgSettings, callback);
          }
          const limited = asking.isHeavy ? { ...pgSettings, ...HEAVY } : pgSettings;
          return share(asking, () =>
            withScopedClient(pool, textsOf(limited), asking.timing, callback),
          );
        };
        return repeating(Object.assign(shared, { release: () => withPgClient.release?.() }));
      },
    },
  };
}

type Client = Parameters<Parameters<WithPgClient>[1]>[0];

/** Settings without a value are none. */
function textsOf(settings: Readonly<Record<string, string | undefined>>): Settings {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value == null ? [] : [[name, value]])),
  );
}

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

/** A function that runs whole transactions, and runs those again that `retryable` repeats. */
function repeating(withPgClient: WithPgClient): WithPgClient {
  const repeated: WithPgClient = (pgSettings, callback) =>
    retryable(() => withPgClient(pgSettings, callback));
  return Object.assign(repeated, { release: () => withPgClient.release?.() });
}
