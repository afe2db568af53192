/**
 * `npm run schema:export`: writes `src/graphql/schema.graphql`, the API as clients see it; with
 * `-- --check` it only says whether the file is fresh. It looks at the database of DATABASE_URL as
 * it is, or else at a fresh one, made of the committed migrations and thrown away.
 */
import "../../config/libraries.ts";

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig, loadEnvFile } from "../../config/index.ts";
import { startEmbeddedPostgres } from "../../dev/embeddedPostgres.ts";
import { printApi, SCHEMA_TEXT_FILE } from "../../graphql/schemaText.ts";
import { createLogger } from "../../resources/logger.ts";
import { createPool } from "../../resources/postgres.ts";
import { migrate } from "../db/migrate.ts";
import { describeFailure } from "../shared/errors.ts";

const STALE =
  "src/graphql/schema.graphql is not what the database gives. Run `npm run schema:export`, look " +
  "at the difference (clients will see it), and commit the file.";

/** Runs `task` with the configured database, or with one that lives as long as the task. */
async function withDatabase<T>(config: Config, task: (config: Config) => Promise<T>): Promise<T> {
  if (config.database.url !== undefined) return task(config);
  const dir = await mkdtemp(join(tmpdir(), "staybase-schema-"));
  const server = await startEmbeddedPostgres({ dir, ephemeral: true });
  try {
    const { url, rootUrl } = server;
    const fresh: Config = { ...config, database: { ...config.database, url, rootUrl } };
    await migrate(fresh);
    return await task(fresh);
  } finally {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function printApiOf(config: Config): Promise<string> {
  const { database } = config;
  const { url, operator } = database;
  if (url === undefined) throw new Error("There is no database to look at.");
  const logger = createLogger({ level: "warn" });
  const options = { applicationName: "staybase-schema-export", max: 2 };
  const pool = createPool({ database: { ...database, url } }, logger, options);
  try {
    return await printApi({ pool, operator, logger });
  } finally {
    await pool.end();
  }
}

try {
  loadEnvFile();
  const text = await withDatabase(loadConfig(), printApiOf);
  if (!process.argv.includes("--check")) {
    await writeFile(SCHEMA_TEXT_FILE, text);
    console.log("Wrote src/graphql/schema.graphql.");
  } else if (text === (await readFile(SCHEMA_TEXT_FILE, "utf8").catch(() => ""))) {
    console.log("src/graphql/schema.graphql is fresh.");
  } else {
    console.error(STALE);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
