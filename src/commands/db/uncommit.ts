/**
 * `npm run db:uncommit`: takes the last committed migration back into `migrations/current`. Only
 * for one that nobody else has run yet: others would never learn that it changed.
 */
import { uncommit } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import { runCommand } from "../shared/command.ts";
import { DatabaseCommandError } from "../shared/errors.ts";
import { writeSchemaFile } from "../shared/schemaFile.ts";
import { databaseTarget, migrateSettings } from "../shared/settings.ts";
import { migrate } from "./migrate.ts";

await runCommand(async (config) => {
  if (config.environment === "production") {
    throw new DatabaseCommandError(
      "db:uncommit is for development: a migration that production has run stays as it is. " +
        "Write another one that corrects it.",
    );
  }
  const target = databaseTarget(config);
  await migrate(config);
  try {
    await uncommit(migrateSettings(target, { log: (_level, text) => console.log(text) }));
  } finally {
    clearAllPools();
  }
  await writeSchemaFile(target);
  console.log("The last migration is in migrations/current again.");
});
