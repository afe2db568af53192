/**
 * The connections of the GraphQL API. PostGraphile sends each mutation as one statement in a
 * transaction of its own, and so it does with each step that reads; a transaction that lost against
 * another one runs again here, as REST's do. What a statement does is not known here.
 */
import type { Pool } from "pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { retryable } from "../resources/postgres.ts";

type PgService = ReturnType<typeof makePgService>;
type WithPgClient = Awaited<ReturnType<PgService["adaptor"]["createWithPgClient"]>>;

/** The service for `preset.ts`; `operator` is the role whose grants the API shows. */
export function createPgService(pool: Pool, operator: string): PgService {
  const service = makePgService({
    pool,
    schemas: ["app_public"],
    pubsub: false,
    pgSettingsForIntrospection: { role: operator },
  });
  const { createWithPgClient } = service.adaptor;
  return {
    ...service,
    adaptor: {
      ...service.adaptor,
      createWithPgClient: async (...settings) => repeating(await createWithPgClient(...settings)),
    },
  };
}

/** A function that runs whole transactions, and runs those again that `retryable` repeats. */
function repeating(withPgClient: WithPgClient): WithPgClient {
  const repeated: WithPgClient = (pgSettings, callback) =>
    retryable(() => withPgClient(pgSettings, callback));
  return Object.assign(repeated, { release: () => withPgClient.release?.() });
}
