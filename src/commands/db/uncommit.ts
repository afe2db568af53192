/**
 * `npm run db:uncommit`: takes the last committed migration back into `migrations/current`. Only
 * for one that nobody else has run yet: others would never learn that it changed.
 */
import { uncommit } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import type { Config } from "../../config/index.ts";
import { runCommand } from "../shared/command.ts";
import { DatabaseCommandError } from "../shared/errors.ts";
import { writeGenerated } from "../shared/generated.ts";
import { databaseTarget, migrateSettings } from "../shared/settings.ts";
import { type MigrateOptions, migrate } from "./migrate.ts";

/**
 * Takes the last migration back.
 * @throws {DatabaseCommandError} in production
 */
export async function uncommitLast(config: Config, options: MigrateOptions = {}): Promise<void> {
  if (config.environment === "production") {
    throw new DatabaseCommandError(
      "db:uncommit is for development: a migration that production has run stays as it is. " +
        "Write another one that corrects it.",
    );
  }
  const target = databaseTarget(config);
  await migrate(config, options);
  try {
    const log = (_level: string, text: string): void => console.log(text);
    await uncommit(migrateSettings(target, { ...options, log }));
  } finally {
    clearAllPools();
  }
  await writeGenerated(target, options.migrationsFolder);
}

if (import.meta.main) {
  void runCommand(async (config) => {
    await uncommitLast(config);
    console.log("The last migration is in migrations/current again.");
  });
}
