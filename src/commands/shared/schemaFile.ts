/**
 * Builds the schema from nothing but the committed migrations, in the shadow database, and keeps
 * `migrations/schema.sql` equal to it. What the text looks like is up to schemaDump.ts.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reset } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import { withPreparedServer } from "./bootstrap.ts";
import { withClient } from "./connect.ts";
import { dumpSchema } from "./schemaDump.ts";
import {
  type DatabaseTarget,
  MIGRATIONS_FOLDER,
  migrateSettings,
  ownerUrl,
  shadowName,
} from "./settings.ts";

/** Absolute path of the generated file. */
export const SCHEMA_FILE = schemaFileOf(MIGRATIONS_FOLDER);

function schemaFileOf(migrationsFolder: string): string {
  return join(migrationsFolder, "schema.sql");
}

/** Builds the shadow database again from the committed migrations. */
export async function rebuildShadow(target: DatabaseTarget): Promise<void> {
  await withPreparedServer(target, async () => {
    try {
      await reset(migrateSettings(target), true);
    } finally {
      clearAllPools();
    }
  });
}

/** Writes `migrations/schema.sql` out of the shadow database as it is. The folder is for tests. */
export async function writeSchemaFile(
  target: DatabaseTarget,
  migrationsFolder: string = MIGRATIONS_FOLDER,
): Promise<void> {
  const url = ownerUrl(target, shadowName(target));
  const text = await withClient({ url, variable: "ROOT_DATABASE_URL" }, dumpSchema);
  await writeFile(schemaFileOf(migrationsFolder), text);
}
