/**
 * `npm run db:commit -- --message "what it does"`: freezes `migrations/current` as the next
 * committed migration, tries all of them from nothing in the shadow database, and writes
 * `migrations/schema.sql` anew.
 */
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commit } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import { runCommand } from "../shared/command.ts";
import { DatabaseCommandError } from "../shared/errors.ts";
import { writeSchemaFile } from "../shared/schemaFile.ts";
import { databaseTarget, MIGRATIONS_FOLDER, migrateSettings } from "../shared/settings.ts";
import { migrate } from "./migrate.ts";

await runCommand(async (config) => {
  const { values } = parseArgs({ options: { message: { type: "string", short: "m" } } });
  const message = values.message?.trim() ?? "";
  if (message === "") {
    throw new DatabaseCommandError(
      'Say what the migration does: npm run db:commit -- --message "add favourites".',
    );
  }
  const target = databaseTarget(config);
  await migrate(config);
  const log = (level: string, text: string): void => {
    if (level !== "debug") console.log(text.replace(/^graphile-migrate/, "db:commit"));
  };
  const restore = await remember(join(MIGRATIONS_FOLDER, "current"));
  try {
    await commit(migrateSettings(target, { log }), message);
  } catch (error) {
    await restore();
    throw error;
  } finally {
    clearAllPools();
  }
  await makeReadable(join(MIGRATIONS_FOLDER, "committed"));
  await writeSchemaFile(target);
  console.log("Wrote migrations/schema.sql. Commit both files, and the change of sql/, together.");
});

/** graphile-migrate hides the files from other users, as which an image may run them. */
async function makeReadable(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql"));
  await Promise.all(names.map((name) => chmod(join(folder, name), 0o444)));
}

/**
 * Keeps the files of a folder and returns what puts them back. When a commit fails,
 * graphile-migrate writes the migration back with its includes expanded, and then refuses to read
 * what it wrote.
 */
async function remember(folder: string): Promise<() => Promise<void>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return async () => {
    await Promise.all(
      names.map((name, index) => writeFile(join(folder, name), texts[index] ?? "")),
    );
  };
}
