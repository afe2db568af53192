/**
 * `npm run db:status`: says which committed migrations the database has not run yet, and whether
 * `migrations/current` holds something that is not committed. The exit code is 0 when there is
 * nothing to do, else 1.
 */
import { status } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import { runCommand } from "../shared/command.ts";
import { withClient } from "../shared/connect.ts";
import { databaseTarget, migrateSettings, ownerUrl } from "../shared/settings.ts";

await runCommand(async (config) => {
  const target = databaseTarget(config);
  const url = ownerUrl(target);
  // Connecting once ourselves gives the clear sentence when the database is not there.
  await withClient({ url, variable: "ROOT_DATABASE_URL" }, (client) => client.query("select 1"));
  const { remainingMigrations = [], hasCurrentMigration } = await status(migrateSettings(target));
  clearAllPools();
  for (const file of remainingMigrations) console.log(`Not run yet: ${file}`);
  if (hasCurrentMigration) console.log("migrations/current is not committed yet.");
  if (remainingMigrations.length === 0 && !hasCurrentMigration) console.log("Up to date.");
  else process.exitCode = 1;
});
