/**
 * `npm run db:commit -- --message "what it does"`: freezes `migrations/current` as the next
 * committed migration, tries all of them from nothing in the shadow database, and writes
 * the generated files anew. A header in the migration says what each
 * included file changes.
 */
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commit } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import type { Config } from "../../config/index.ts";
import { runCommand } from "../shared/command.ts";
import { DatabaseCommandError } from "../shared/errors.ts";
import { type TextFile, textFiles } from "../shared/files.ts";
import { GENERATED, writeGenerated } from "../shared/generated.ts";
import { databaseTarget, MIGRATIONS_FOLDER, migrateSettings } from "../shared/settings.ts";
import { changeHeader, withHeader } from "./commit/header.ts";
import { type MigrateOptions, migrate } from "./migrate.ts";

/**
 * Commits the current migration.
 * @throws {DatabaseCommandError} without a message, or when the server cannot be used
 */
export async function commitCurrent(
  config: Config,
  message: string,
  options: MigrateOptions = {},
): Promise<void> {
  if (message === "") {
    throw new DatabaseCommandError(
      'Say what the migration does: npm run db:commit -- --message "add favourites".',
    );
  }
  // graphile-migrate would put an underscore into the name of the file, and not find it again.
  const title = message.replaceAll("_", " ");
  const { migrationsFolder: folder = MIGRATIONS_FOLDER } = options;
  const target = databaseTarget(config);
  await migrate(config, options);
  const log = (level: string, text: string): void => {
    if (level !== "debug") console.log(text.replace(/^graphile-migrate/, "db:commit"));
  };
  const current = await currentFiles(folder);
  try {
    await writeFiles(folder, await withChanges(folder, current));
    await commit(migrateSettings(target, { migrationsFolder: folder, log }), title);
  } catch (error) {
    // graphile-migrate writes the migration back with its includes expanded, and then refuses to
    // read what it wrote.
    await writeFiles(folder, current);
    throw error;
  } finally {
    clearAllPools();
  }
  await makeReadable(join(folder, "committed"));
  await writeGenerated(target, folder);
}

/** The pending migration by its paths in `migrations/`: the files of current/, or current.sql. */
async function currentFiles(folder: string): Promise<TextFile[]> {
  const paths = await readdir(folder, { recursive: true });
  const current = paths.filter((path) => /^current(?:[\\/][^.][^\\/]*)?\.sql$/.test(path));
  const byNumber = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });
  return Promise.all(
    current
      .sort(byNumber)
      .map(async (path) => ({ path, text: await readFile(join(folder, path), "utf8") })),
  );
}

/** The header of all files stands in the first of them. */
async function withChanges(folder: string, current: readonly TextFile[]): Promise<TextFile[]> {
  const committed = await textFiles(join(folder, "committed"));
  const sources = await textFiles(join(folder, "fixtures"));
  const header = changeHeader(
    current.map(({ text }) => text).join("\n"),
    committed.map(({ text }) => text),
    new Map(sources.map(({ path, text }) => [path, text])),
  );
  return current.map(({ path, text }, index) => ({
    path,
    text: withHeader(text, index === 0 ? header : ""),
  }));
}

async function writeFiles(folder: string, files: readonly TextFile[]): Promise<void> {
  await Promise.all(files.map(({ path, text }) => writeFile(join(folder, path), text)));
}

/** graphile-migrate hides the files from other users, as which an image may run them. */
async function makeReadable(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql"));
  await Promise.all(names.map((name) => chmod(join(folder, name), 0o444)));
}

if (import.meta.main) {
  void runCommand(async (config) => {
    const { values } = parseArgs({ options: { message: { type: "string", short: "m" } } });
    await commitCurrent(config, values.message?.trim() ?? "");
    console.log(
      `Wrote ${GENERATED.map(({ shownAs }) => shownAs).join(", ")}. ` +
        "Commit all that changed together.",
    );
  });
}
