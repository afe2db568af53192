/** The lints of `lints/`: what they are called, and what they find. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ClientBase } from "pg";
import { databaseTarget, placeholders } from "../../src/commands/shared/settings.ts";
import type { Config } from "../../src/config/index.ts";
import { SQL_FOLDER, sqlFiles } from "./files.ts";

export const LINTS_FOLDER = fileURLToPath(new URL("lints", import.meta.url));

/** One thing that is wrong. */
export interface Finding {
  readonly object: string;
  readonly detail: string;
}

export async function lintNames(): Promise<string[]> {
  const files = await sqlFiles(LINTS_FOLDER);
  return files.map(({ path }) => path).filter((path) => !path.includes("/"));
}

/** A file of the folder with the names of roles put in, as migrations do. */
export async function readLint(config: Config, path: string): Promise<string> {
  const target = databaseTarget(config);
  const names = { ":DATABASE_OWNER": target.owner, ...placeholders(target) };
  const text = await readFile(join(LINTS_FOLDER, path), "utf8");
  return Object.entries(names).reduce((sql, [name, role]) => sql.replaceAll(name, role), text);
}

/** Lets the lints of a transaction see which files there are in `sql/`. */
export async function showFiles(client: ClientBase): Promise<void> {
  const places = (await sqlFiles(SQL_FOLDER)).map(({ path }) => path.split("/"));
  const kinds = places.map(([, kind]) => kind ?? "");
  const names = places.map((parts) => parts.at(-1)?.replace(/\.sql$/, "") ?? "");
  await client.query("create temporary table sql_files (kind text, name name) on commit drop");
  await client.query("insert into sql_files select * from unnest($1::text[], $2::name[])", [
    kinds,
    names,
  ]);
}
