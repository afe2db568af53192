/**
 * Starts one PostgreSQL for the whole run and builds the template that every test file copies,
 * from the migrations, through the same code as `npm run db:migrate`.
 */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "../../src/commands/db/migrate.ts";
import { describeFailure } from "../../src/commands/shared/errors.ts";
import { databaseTarget, MIGRATIONS_FOLDER } from "../../src/commands/shared/settings.ts";
import { startEmbeddedPostgres } from "../../src/dev/embeddedPostgres.ts";
import { applyAllSql } from "./applyAllSql.ts";
import { describeCluster, TEMPLATE_NAME, testConfig } from "./cluster.ts";

/** What `globalTeardown` has to undo. Both run in the same process. */
export const running: { stop?: () => Promise<void>; logs?: string } = {};

export default async function globalSetup(
  _globalConfig: unknown,
  projectConfig: { globals: Record<string, unknown> },
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "staybase-test-"));
  const server = await startEmbeddedPostgres({ dir, ephemeral: true });
  running.stop = async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const cluster = describeCluster(server);
    await buildTemplate(cluster);
    projectConfig.globals.staybaseTestCluster = cluster;
    running.logs = join(dir, "logs");
    await mkdir(running.logs);
    projectConfig.globals.staybaseTestLogs = running.logs;
  } catch (error) {
    await running.stop();
    throw error;
  }
}

async function buildTemplate(cluster: ReturnType<typeof describeCluster>): Promise<void> {
  const config = testConfig(cluster, TEMPLATE_NAME);
  await migrate(config).catch((error: unknown) => {
    throw new Error(`The template is not built: ${describeFailure(error)}`, { cause: error });
  });
  const committed = await readdir(join(MIGRATIONS_FOLDER, "committed"));
  // Before the first migration is committed, the schema is what sql/ says.
  if (committed.every((file) => !file.endsWith(".sql"))) await applyAllSql(databaseTarget(config));
}
