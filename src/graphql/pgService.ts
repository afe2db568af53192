/**
 * The connections of the GraphQL API. Each statement has the role and the claims of whoever asks
 * (scopedQuery.ts) and is a transaction of its own, or shares it with others that read
 * (snapshot.ts), in one round trip; a transaction that lost against another one runs again here, as
 * REST's do. Each takes a connection when there is one for who asks. What a statement does is not
 * known here.
 */
import type { Pool, PoolClient, QueryResult } from "pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { retryable } from "../resources/postgres.ts";
import { type Asker, createShare } from "./connections.ts";
import { LIMITS } from "./limits/limits.ts";
import { prepareSettings, type Settings } from "./scopedQuery.ts";
import {
  answerReads,
  answerStatement,
  gatherReads,
  isFromServer,
  type Statement,
} from "./snapshot.ts";
import type { Timing } from "./timing.ts";

type PgService = ReturnType<typeof makePgService>;
/** Runs `callback` with a connection whose statements each run as whoever the settings say. */
type WithPgClient = Grafast.Context["withPgClient"];

/** For whom statements are sent. */
export interface Sender extends Asker {
  /** Whether all of them only read. */
  readonly isRead: boolean;
}

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
export function createWithPgClient(pool: Pool, asker: () => Sender | undefined): WithPgClient {
  const share = createShare(pool.options.max);
  const lend: Lend = (asking, use) => share(asking, () => withConnection(pool, use));
  const read = gatherReads<Sender>((asking, reads) =>
    lend(asking, (connection) => answerReads(connection, reads)),
  );
  return (pgSettings, callback) =>
    // A transaction that lost against another one runs again, as REST's do.
    retryable(async () => {
      const asking = asker();
      if (asking === undefined || pgSettings === null) {
        throw new Error("A statement came past who asks.");
      }
      const { timing, isHeavy, isRead } = asking;
      const settings = isHeavy ? { ...pgSettings, ...HEAVY } : pgSettings;
      // Statements of a heavy operation do not wait for each other.
      if (isRead && !isHeavy) {
        return await callback(clientFor(settings, timing, (statement) => read(asking, statement)));
      }
      return await lend(asking, (connection) =>
        callback(
          clientFor(settings, timing, (statement) => answerStatement(connection, statement)),
        ),
      );
    });
}

type Client = Parameters<Parameters<WithPgClient>[1]>[0];
type Lend = <T>(asker: Asker, use: (connection: PoolClient) => T | Promise<T>) => Promise<T>;

/** Lends a connection whose statements each run as whoever their settings say. */
async function withConnection<T>(
  pool: Pool,
  use: (connection: PoolClient) => T | Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  let broken: Error | undefined;
  try {
    await prepareSettings(connection);
    return await use(connection);
  } catch (error) {
    // What the server has not said, it may still be about to say: to nobody else.
    if (error instanceof Error && !isFromServer(error)) broken = error;
    throw error;
  } finally {
    connection.release(broken);
  }
}

function clientFor(
  settings: Settings,
  timing: Timing | undefined,
  answer: (statement: Statement) => Promise<QueryResult>,
): Client {
  return {
    query: async ({ text, name, values, arrayMode }) => {
      const config = {
        text,
        ...(name !== undefined && { name }),
        ...(values !== undefined && { values }),
        ...(arrayMode === true && { rowMode: "array" as const }),
      };
      const { rows, rowCount } = await answer({ settings, config, timing });
      return { rows, rowCount };
    },
    get rawClient(): never {
      throw new Error("A step of GraphQL sends statements, and has no connection of its own.");
    },
    withTransaction: () => {
      throw new Error("A step of GraphQL is one statement, and that is a transaction.");
    },
  };
}

/** Settings of a heavy operation's transactions, beside those of whoever asks. */
const HEAVY = { statement_timeout: String(LIMITS.heavyStatementMs) };
