/**
 * `npm run bench:search -- --listings 100000`: builds an invented market in a database of its own
 * and measures search against fetching rows by key and against the naive design, in one run. It
 * asserts nothing about correctness: that is tests/database/search.
 */
import { parseArgs } from "node:util";
import pg from "pg";
import { type Config, loadConfig, loadEnvFile } from "../../config/index.ts";
import { DatabaseCommandError, describeFailure } from "../shared/errors.ts";
import { databaseTarget, maintenanceUrl, withDatabaseName } from "../shared/settings.ts";
import { buildMarket } from "./search/market.ts";
import { measure } from "./search/measure.ts";
import { report } from "./search/report.ts";
import { planSearches } from "./search/searches.ts";
import { startBenchServer } from "./search/server.ts";

const DATABASE = "bench_search";

const USAGE = `Usage: npm run bench:search -- [options]
  --listings N   how many listings, 1000 to 5000000 (default 100000)
  --rounds N     how often every search has its turn, 1 to 1000 (default 12)
  --slice-ms N   how long a turn is, 50 to 60000 (default 400)
  --keep         leave the database ${DATABASE} on the server of ROOT_DATABASE_URL
  --reuse        measure in the database that an earlier run with --keep has left there`;

interface Options {
  readonly listings: number;
  readonly rounds: number;
  readonly sliceMs: number;
  readonly keep: boolean;
  readonly reuse: boolean;
}

/** @throws {DatabaseCommandError} with the usage, for options that make no sense */
function readOptions(args: string[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: {
        listings: { type: "string", default: "100000" },
        rounds: { type: "string", default: "12" },
        "slice-ms": { type: "string", default: "400" },
        keep: { type: "boolean", default: false },
        reuse: { type: "boolean", default: false },
      },
    });
    return {
      listings: wholeNumber("--listings", values.listings, 1000, 5_000_000),
      rounds: wholeNumber("--rounds", values.rounds, 1, 1000),
      sliceMs: wholeNumber("--slice-ms", values["slice-ms"], 50, 60_000),
      keep: values.keep || values.reuse,
      reuse: values.reuse,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DatabaseCommandError(`${message}\n${USAGE}`);
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new RangeError(`${name} is a whole number from ${least} to ${most}.`);
}

/**
 * Runs the benchmark; false where a goal was missed.
 * @throws {DatabaseCommandError} when the server cannot be used
 */
async function bench(config: Config, options: Options): Promise<boolean> {
  const target = databaseTarget(config);
  const root = withDatabaseName(target.rootUrl, DATABASE);
  if (!options.reuse) {
    await dropDatabase(config);
    const started = performance.now();
    console.log(`Building ${options.listings} listings:`);
    await buildMarket(config, options.listings, console.log);
    console.log(`  in all: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  const client = new pg.Client({ connectionString: root });
  await client.connect();
  try {
    await describeServer(client);
    const searches = await planSearches(client);
    const { rows } = await client.query<{ id: string }>("select id from app_public.users limit 1");
    const figures = await measure(searches, {
      url: target.url,
      visitor: target.visitor,
      userId: rows[0]?.id ?? "",
      rounds: options.rounds,
      sliceMs: options.sliceMs,
      clients: [1, 4],
    });
    const { lines, reached } = report(searches, figures);
    console.log(lines.join("\n"));
    return reached;
  } finally {
    await client.end();
  }
}

async function describeServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<Record<string, string>>(
    `select current_setting('server_version') as version,
       current_setting('shared_buffers') as buffers,
       (select count(*) from app_public.listings) as listings,
       (select count(*) from app_public.calendar_claims) as claims,
       pg_size_pretty(pg_total_relation_size('app_hidden.search_cells')) as projection,
       pg_size_pretty(pg_relation_size('app_hidden.search_cells_pkey')) as index`,
  );
  const row = rows[0] ?? {};
  console.log(
    `PostgreSQL ${row.version}, shared_buffers ${row.buffers}: ${row.listings} listings, ` +
      `${row.claims} claims; search_cells ${row.projection}, of which its key ${row.index}.\n` +
      "Timed: one prepared query, from sending it to having its rows in Node, as visitor with\n" +
      "claims under row-level security; begin, set_config and commit are outside.\n" +
      "City pages have dates, two guests, two amenities and a greatest price.\n",
  );
}

async function dropDatabase(config: Config): Promise<void> {
  const client = new pg.Client({ connectionString: maintenanceUrl(databaseTarget(config)) });
  await client.connect();
  try {
    await client.query(`drop database if exists ${DATABASE} with (force)`);
  } finally {
    await client.end();
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  loadEnvFile();
  const given = loadConfig();
  if (given.environment === "production") {
    throw new DatabaseCommandError("The benchmark would slow production down; run it elsewhere.");
  }
  const own = given.database.url === undefined ? await startBenchServer() : undefined;
  const url = own?.url ?? given.database.url ?? "";
  const config: Config = {
    ...given,
    database: {
      ...given.database,
      url: withDatabaseName(url, DATABASE),
      rootUrl: own ? withDatabaseName(own.rootUrl, DATABASE) : given.database.rootUrl,
    },
  };
  try {
    if (!(await bench(config, options))) process.exitCode = 2;
    if (!options.keep && own === undefined) await dropDatabase(config);
  } finally {
    await own?.stop();
  }
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(describeFailure(error));
    process.exitCode = 1;
  });
}
