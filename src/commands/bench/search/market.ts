/**
 * Builds the market that the benchmark searches in, and proves that it is right. What it is made
 * of is in market.sql, claims.sql and naive.sql; searching and measuring are elsewhere.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import pg from "pg";
import type { Config } from "../../../config/index.ts";
import { migrate } from "../../db/migrate.ts";
import { DatabaseCommandError } from "../../shared/errors.ts";
import {
  databaseTarget,
  MIGRATIONS_FOLDER,
  migrateSettings,
  placeholders,
  withDatabaseName,
} from "../../shared/settings.ts";

/** How many listings' search rows are compared one by one with what they should be. */
const SAMPLE = 1000;

/**
 * Builds the schema as `sql/` has it now, so that an edit can be measured before it is committed
 * as a migration, and fills it.
 * @throws {DatabaseCommandError} when what was built is not what the triggers would have built
 */
export async function buildMarket(
  config: Config,
  listings: number,
  log: (line: string) => void,
): Promise<void> {
  const target = databaseTarget(config);
  await migrate(config);
  try {
    const all = await readFile(join(MIGRATIONS_FOLDER, "fixtures", "all.sql"), "utf8");
    await run(migrateSettings(target), all, "sql/all.sql");
  } finally {
    clearAllPools();
  }
  const client = new pg.Client({
    connectionString: withDatabaseName(target.rootUrl, target.name),
  });
  await client.connect();
  const step = async (name: string, sql: string): Promise<void> => {
    const started = performance.now();
    await client.query(sql);
    log(`  ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  };
  try {
    // Only a superuser may turn triggers off; what they keep is written here in bulk instead.
    await client.query("set session_replication_role = replica");
    await client.query("select set_config('role', $1, false)", [target.owner]);
    await client.query("select set_config('bench.listings', $1, false)", [String(listings)]);
    await client.query("set work_mem = '256MB'; set maintenance_work_mem = '512MB'");
    const names = { ":DATABASE_OWNER": target.owner, ...placeholders(target) };
    await step("listings, rates, availability", await sqlFile("market", names));
    await step("claims", await sqlFile("claims", names));
    await step("analyze", "reset role; analyze");
    await client.query("select set_config('role', $1, false)", [target.owner]);
    await step("rebuild_search()", "select app_private.rebuild_search()");
    await step("the naive design's tables", await sqlFile("naive", names));
    await client.query("reset role");
    await step("vacuum analyze", "vacuum (analyze)");
    await client.query("checkpoint");
    await prove(client, log);
  } finally {
    await client.end();
  }
}

async function prove(client: pg.Client, log: (line: string) => void): Promise<void> {
  const { rows } = await client.query<{ units: number; listings: number; checked: number }>(
    `select
       (select count(*)::integer from app_private.calendar_drift())
         + (select count(*)::integer from app_private.pricing_drift()) as units,
       count(*) filter (where wanted.rows is distinct from found.rows)::integer as listings,
       count(*)::integer as checked
     from (select id from app_public.listings order by md5(id::text) limit $1) l
     cross join lateral (
       select array_agg(p order by p.cell) as rows from app_hidden.search_projection(l.id) p
     ) wanted
     cross join lateral (
       select array_agg(s order by s.cell) as rows
       from app_hidden.search_cells s where s.listing_id = l.id
     ) found`,
    [SAMPLE],
  );
  const row = rows[0];
  if (row === undefined || row.units > 0 || row.listings > 0) {
    throw new DatabaseCommandError(
      `The market is not sound: ${row?.units} units and ${row?.listings} listings have drifted.`,
    );
  }
  log(`  sound: no unit has drifted, nor any of ${row.checked} listings' search rows`);
}

async function sqlFile(name: string, names: Record<string, string>): Promise<string> {
  const text = await readFile(new URL(`${name}.sql`, import.meta.url), "utf8");
  return text.replaceAll(/:DATABASE_[A-Z]+/g, (placeholder) =>
    pg.escapeIdentifier(names[placeholder] ?? placeholder),
  );
}
