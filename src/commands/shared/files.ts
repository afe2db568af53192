/** Reads the SQL files of `migrations/` and `sql/`. It judges nothing. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** A file by its path, relative to the folder in question. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** All SQL files under a folder, by their path in it, in alphabetical order. */
export async function textFiles(folder: string): Promise<TextFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".sql"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await readFile(join(folder, path), "utf8") })),
  );
}
