/**
 * `npm run schema:export`: writes `src/graphql/schema.graphql`, the API as clients see it; of REST
 * `openapi/generated/`, which follows from the stored documents, and the table of operations. With
 * `-- --check` it only says whether the files are fresh. It looks at the database of DATABASE_URL
 * as it is, or else at a fresh one, made of the committed migrations and thrown away.
 */
import "../../config/libraries.ts";

import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Config, loadConfig, loadEnvFile } from "../../config/index.ts";
import { startEmbeddedPostgres } from "../../dev/embeddedPostgres.ts";
import { buildApi, printApi } from "../../graphql/schemaText.ts";
import { readCodedOperations } from "../../http/coded.ts";
import { readDocuments } from "../../http/declared.ts";
import { generatedFiles } from "../../http/declaredFaults.ts";
import { readOperations } from "../../http/openapi.ts";
import { createLogger } from "../../resources/logger.ts";
import { createPool } from "../../resources/postgres.ts";
import { migrate } from "../db/migrate.ts";
import { describeFailure } from "../shared/errors.ts";
import { withOperations } from "../shared/operationsTable.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

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

/** The text of each generated file, by its path in the repository. */
async function generate(config: Config): Promise<Map<string, string>> {
  const { database } = config;
  const { url, operator } = database;
  if (url === undefined) throw new Error("There is no database to look at.");
  const logger = createLogger({ level: "warn" });
  const options = { applicationName: "staybase-schema-export", max: 2 };
  const pool = createPool({ database: { ...database, url } }, logger, options);
  try {
    const documented = await readOperations();
    const coded = await readCodedOperations(documented);
    const schema = await buildApi({ pool, operator, logger, coded });
    const files = generatedFiles(documented, readDocuments(schema));
    const page = await readFile(join(ROOT, OPERATIONS_PAGE), "utf8");
    return new Map([
      ["src/graphql/schema.graphql", printApi(schema)],
      [OPERATIONS_PAGE, withOperations(page, documented)],
      ...[...files].map(([path, text]) => [`openapi/generated/${path}`, text] as const),
    ]);
  } finally {
    await pool.end();
  }
}

const OPERATIONS_PAGE = "openapi/README.md";

/** What stands in the folder and is generated no more. */
function leftOver(files: ReadonlyMap<string, string>): string[] {
  return readdirSync(join(ROOT, "openapi/generated"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".json"))
    .map((path) => `openapi/generated/${path}`)
    .filter((path) => !files.has(path));
}

async function isFresh(path: string, text: string): Promise<boolean> {
  return text === (await readFile(join(ROOT, path), "utf8").catch(() => ""));
}

try {
  loadEnvFile();
  const files = await withDatabase(loadConfig(), generate);
  const old = leftOver(files);
  if (process.argv.includes("--check")) {
    const stale = [...old];
    for (const [path, text] of files) if (!(await isFresh(path, text))) stale.push(path);
    for (const path of stale) console.error(`${path} is not what the database gives.`);
    if (stale.length === 0) console.log(`${files.size} generated files are fresh.`);
    else {
      console.error("Run `npm run schema:export`, look at the difference, and commit it.");
      process.exitCode = 1;
    }
  } else {
    for (const path of old) await rm(join(ROOT, path));
    for (const [path, text] of files) {
      await mkdir(dirname(join(ROOT, path)), { recursive: true });
      await writeFile(join(ROOT, path), text);
    }
    console.log(`Wrote src/graphql/schema.graphql and ${files.size - 1} files of openapi.`);
  }
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
