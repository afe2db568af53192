/**
 * Runs `sql/all.sql`, with all that it includes, against a database: what the schema is, without
 * how it came to be. Only tests do this; databases that have data get migrations.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import { describeFailure } from "../../src/commands/shared/errors.ts";
import {
  type DatabaseTarget,
  MIGRATIONS_FOLDER,
  migrateSettings,
} from "../../src/commands/shared/settings.ts";

/** Applies `sql/all.sql` as the owner, in one transaction. */
export async function applyAllSql(target: DatabaseTarget): Promise<void> {
  const content = await readFile(join(MIGRATIONS_FOLDER, "fixtures", "all.sql"), "utf8");
  try {
    await run(migrateSettings(target), content, "sql/all.sql");
  } catch (error) {
    throw new Error(`sql/all.sql does not apply: ${describeFailure(error)}`, { cause: error });
  } finally {
    clearAllPools();
  }
}
