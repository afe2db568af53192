/**
 * Reads what the proofs judge: the files of `sql/` and `migrations/`, as they are on disk and as
 * the history of this branch has them. It judges nothing.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type TextFile, textFiles } from "../../src/commands/shared/files.ts";
import { MIGRATIONS_FOLDER } from "../../src/commands/shared/settings.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const SQL_FOLDER = join(ROOT, "sql");
export const COMMITTED_FOLDER = join(MIGRATIONS_FOLDER, "committed");
export const CURRENT_FOLDER = join(MIGRATIONS_FOLDER, "current");

export const sqlFiles = textFiles;

const git = promisify(execFile);

async function run(...args: string[]): Promise<string> {
  const { stdout } = await git("git", args, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/**
 * The committed migrations as the base of this branch has them: where it left the main branch, or
 * the commit before this one where that is the main branch itself. `undefined` where there is no git history, as in
 * an unpacked archive.
 */
export async function committedInHistory(): Promise<TextFile[] | undefined> {
  const base = await baseCommit();
  if (base === undefined) return undefined;
  const list = await run("ls-tree", "-r", "--name-only", base, "--", "migrations/committed");
  const paths = list.split("\n").filter((path) => path.endsWith(".sql"));
  return Promise.all(
    paths.map(async (path) => ({
      path: path.replace("migrations/committed/", ""),
      text: await run("show", `${base}:${path}`),
    })),
  );
}

async function baseCommit(): Promise<string | undefined> {
  const head = await commit("rev-parse", "HEAD");
  for (const main of ["origin/main", "main", "HEAD"]) {
    const base = await commit("merge-base", "HEAD", main);
    // On main, HEAD has what was rewritten just now: only the commit before it can tell.
    if (base === head && base !== undefined) return (await commit("rev-parse", "HEAD~1")) ?? base;
    if (base !== undefined) return base;
  }
  return undefined;
}

/** `undefined` where that branch or commit is not known; a shallow clone has HEAD alone. */
async function commit(...args: string[]): Promise<string | undefined> {
  try {
    return (await run(...args)).trim();
  } catch {
    return undefined;
  }
}
