/**
 * The connections of the GraphQL API. PostGraphile sends each mutation as one statement in a
 * transaction of its own, and so it does with each step that reads; a transaction that lost against
 * another one runs again here, as REST's do. Each takes a connection when there is one for who
 * asks. What a statement does is not known here.
 */
import type { Pool } from "pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { retryable } from "../resources/postgres.ts";
import { type Asker, createShare } from "./connections.ts";
import { LIMITS } from "./limits/limits.ts";
import { keepStatement } from "./statements.ts";

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
          if (asking === undefined) return withPgClient(pgSettings, callback);
          const limited = asking.isHeavy ? { ...pgSettings, ...HEAVY } : pgSettings;
          return share(asking, async () =>
            withPgClient(limited, (client) => callback(withBoundStatements(client))),
          );
        };
        return repeating(Object.assign(shared, { release: () => withPgClient.release?.() }));
      },
    },
  };
}

type Client = Parameters<Parameters<WithPgClient>[1]>[0];

/** The adaptor makes a client for each transaction, so that this one is changed for one alone. */
function withBoundStatements(client: Client): Client {
  const { query } = client;
  client.query = async <Data>(options: Parameters<typeof query>[0]) => {
    await keepStatement(client.rawClient, options);
    return query.call<Client, [typeof options], ReturnType<typeof query<Data>>>(client, options);
  };
  return client;
}

/** Settings of a heavy operation's transactions, beside those of whoever asks. */
const HEAVY = { statement_timeout: String(LIMITS.heavyStatementMs) };

/** A function that runs whole transactions, and runs those again that `retryable` repeats. */
function repeating(withPgClient: WithPgClient): WithPgClient {
  const repeated: WithPgClient = (pgSettings, callback) =>
    retryable(() => withPgClient(pgSettings, callback));
  return Object.assign(repeated, { release: () => withPgClient.release?.() });
}
