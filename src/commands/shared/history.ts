/**
 * Judges the committed migrations: are they what they were when they were written, and when the
 * database ran them? graphile-migrate compares no content but of what it is about to run. Each
 * problem is a sentence with what to do; nothing is changed here.
 */
import { join } from "node:path";
import { calculateHash } from "graphile-migrate/dist/hash.js";
import { parseMigrationText } from "graphile-migrate/dist/migration.js";
import type { ClientBase } from "pg";
import { type TextFile, textFiles } from "./files.ts";
import { MIGRATIONS_FOLDER } from "./settings.ts";

const RESTORE = "git checkout -- migrations/committed";

/** A migration that a database has run: `000001.sql`, without the message, and its hash. */
export interface RanMigration {
  readonly filename: string;
  readonly hash: string;
}

/** What stands in the files, against what one database has run. */
export interface History {
  /** Why nothing may be run: files that were edited, renumbered, or are gone. */
  readonly problems: readonly string[];
  /** Committed files that the database has not run. */
  readonly pending: readonly string[];
  /** What the database has run beyond the last file: it belongs to a newer version. */
  readonly newer: readonly string[];
}

/** The committed migrations by name, in their order. */
export function committedFiles(migrationsFolder: string = MIGRATIONS_FOLDER): Promise<TextFile[]> {
  return textFiles(join(migrationsFolder, "committed"));
}

/** What the database has run, in order; nothing where graphile-migrate has never been. */
export async function ranMigrations(client: ClientBase): Promise<RanMigration[]> {
  const { rows: known } = await client.query<{ known: boolean }>(
    "select to_regclass('graphile_migrate.migrations') is not null as known",
  );
  if (known[0]?.known !== true) return [];
  const { rows } = await client.query<RanMigration>(
    "select filename, hash from graphile_migrate.migrations order by filename",
  );
  return rows;
}

/** Compares the files with themselves and with what a database has run. */
export function compareHistory(files: readonly TextFile[], ran: readonly RanMigration[]): History {
  const known = new Map(files.map((file) => [ranName(file.path), file]));
  const stored = new Map(ran.map(({ filename, hash }) => [filename, hash]));
  const last = [...known.keys()].sort().at(-1) ?? "";
  const newer = ran.map(({ filename }) => filename).filter((filename) => filename > last);
  const changed = ran.flatMap(({ filename, hash }) => {
    const file = known.get(filename);
    if (file !== undefined && contentHash(file) === hash) return [];
    const elsewhere = files.find((other) => contentHash(other) === hash);
    if (elsewhere !== undefined) {
      return [
        `${filename} is what the database has run, but that migration is now called ` +
          `${elsewhere.path}. Give it its number back: ${RESTORE}`,
      ];
    }
    if (file === undefined) {
      if (filename > last) return [];
      return [`The database has run ${filename}, which is gone. Restore it: ${RESTORE}`];
    }
    return [
      `${file.path} is not what the database has run. Restore it (${RESTORE}), and write another ` +
        "migration for what shall change.",
    ];
  });
  return {
    problems: [...new Set([...committedProblems(files), ...changed])],
    pending: files.map(({ path }) => path).filter((path) => !stored.has(ranName(path))),
    newer,
  };
}

/** The database notes the number alone: 000001-the-first-stay.sql is 000001.sql there. */
function ranName(path: string): string {
  return path.replace(/^(\d+)-.*$/, "$1.sql");
}

function contentHash({ path, text }: TextFile): string | undefined {
  const parsed = parse(path, text);
  if (typeof parsed === "string") return undefined;
  const { Previous: previous } = parsed.headers;
  return calculateHash(parsed.body, previous === "-" ? null : (previous ?? null));
}

/** Committed migrations: numbered without gap, each hash right, each naming the one before it. */
export function committedProblems(files: readonly TextFile[]): string[] {
  const problems: string[] = [];
  let previous: string | null = null;
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const [index, { path, text }] of sorted.entries()) {
    const number = String(index + 1).padStart(6, "0");
    if (!new RegExp(`^${number}(-[a-z0-9-]+)?\\.sql$`).test(path)) {
      problems.push(
        `${path} is migration ${number} but is not named so: one before it is gone, or two ` +
          `branches took the same number. Restore what is gone (${RESTORE}); else take yours ` +
          "back (npm run db:uncommit), rebase, and commit it again.",
      );
    }
    const parsed = parse(path, text);
    if (typeof parsed === "string") {
      problems.push(parsed);
      continue;
    }
    const { Hash: hash, Previous: named } = parsed.headers;
    const expected = calculateHash(parsed.body, previous);
    if ((named ?? null) !== (previous ?? "-")) {
      problems.push(
        `${path} follows ${named ?? "nothing"}, but the migration before it is ` +
          `${previous ?? "none"}. Take it back (npm run db:uncommit) and commit it again.`,
      );
    } else if (hash !== expected) {
      problems.push(
        `${path} was changed after it was committed (its hash is ${hash}, its content ` +
          `${expected}). Restore it (${RESTORE}) and write another migration instead.`,
      );
    }
    previous = hash ?? expected;
  }
  return problems;
}

function parse(path: string, text: string) {
  try {
    return parseMigrationText(path, text, true);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `${path} is not a committed migration: ${reason}. Let npm run db:commit write it.`;
  }
}
