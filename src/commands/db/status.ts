/**
 * `npm run db:status`: says which committed migrations the database has not run yet, or has run as
 * something else, whether it left an index invalid, and whether `migrations/current` holds
 * something that is not committed. The exit code is 0 when there is nothing to do, else 1.
 */
import { type Settings, status } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import type { Client } from "pg";
import { clockOffset, explainOffset } from "../shared/clock.ts";
import { runCommand } from "../shared/command.ts";
import { withClient } from "../shared/connect.ts";
import { committedFiles, compareHistory, ranMigrations } from "../shared/history.ts";
import { explainInvalidIndexes } from "../shared/indexes.ts";
import { databaseTarget, migrateSettings, ownerUrl } from "../shared/settings.ts";

await runCommand(async (config) => {
  const target = databaseTarget(config);
  const url = ownerUrl(target);
  const files = await committedFiles();
  const { history, invalid, ahead } = await withClient(
    { url, variable: "ROOT_DATABASE_URL" },
    async (client) => ({
      history: compareHistory(files, await ranMigrations(client)),
      invalid: await explainInvalidIndexes(client),
      ahead: await offsetOf(client),
    }),
  );
  const { pending, newer } = history;
  const problems = [...history.problems, ...(invalid === undefined ? [] : [invalid])];
  for (const problem of problems) console.error(problem);
  for (const file of pending) console.log(`Not run yet: ${file}`);
  for (const file of newer) console.log(`Run by a newer version: ${file}`);
  // graphile-migrate refuses to look where the files do not follow one another.
  const isPending =
    history.problems.length === 0 && (await hasCurrentMigration(migrateSettings(target)));
  if (ahead !== 0) console.log(explainOffset(ahead));
  if (isPending) console.log("migrations/current is not committed yet.");
  if (problems.length + pending.length + newer.length > 0 || isPending) process.exitCode = 1;
  else console.log("Up to date.");
});

/** A database without a schema has no clock, and none that was moved. */
async function offsetOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ exists: boolean }>(
    "select to_regprocedure('app_hidden.clock()') is not null as exists",
  );
  return rows[0]?.exists === true ? clockOffset(client) : 0;
}

async function hasCurrentMigration(settings: Settings): Promise<boolean> {
  try {
    return (await status(settings)).hasCurrentMigration;
  } finally {
    clearAllPools();
  }
}
