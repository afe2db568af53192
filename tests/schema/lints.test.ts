/**
 * Runs every lint of `lints/` on the schema, and shows each of them the bad example of the same
 * name under `lints/bad/`, so that a lint that finds nothing is known to be able to find something.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import type { ClientBase } from "pg";
import { databaseTarget, placeholders } from "../../src/commands/shared/settings.ts";
import { testDatabase } from "../helpers/database.ts";
import { SQL_FOLDER, sqlFiles } from "./files.ts";

const FOLDER = fileURLToPath(new URL("lints", import.meta.url));
const files = await sqlFiles(FOLDER);
const lints = files.map(({ path }) => path).filter((path) => !path.includes("/"));
const examples = files.map(({ path }) => path).filter((path) => path.startsWith("bad/"));

const database = testDatabase();

interface Finding {
  readonly object: string;
  readonly detail: string;
}

/** Puts the names of roles in, as migrations do. */
function compile(text: string): string {
  const target = databaseTarget(database.config);
  const names = { ":DATABASE_OWNER": target.owner, ...placeholders(target) };
  return Object.entries(names).reduce((sql, [name, role]) => sql.replaceAll(name, role), text);
}

async function read(path: string): Promise<string> {
  return compile(await readFile(join(FOLDER, path), "utf8"));
}

async function find(client: ClientBase, lint: string): Promise<Finding[]> {
  const { rows } = await client.query<Finding>(await read(lint));
  return rows;
}

/** A transaction as the owner in which the lints may also see the files of `sql/`. */
async function inspect<T>(fn: (client: ClientBase) => Promise<T>): Promise<T> {
  const places = (await sqlFiles(SQL_FOLDER)).map(({ path }) => path.split("/"));
  const kinds = places.map(([, kind]) => kind ?? "");
  const names = places.map((parts) => parts.at(-1)?.replace(/\.sql$/, "") ?? "");
  return database.scenario(async ({ client }) => {
    await client.query("create temporary table sql_files (kind text, name name) on commit drop");
    await client.query("insert into sql_files select * from unnest($1::text[], $2::name[])", [
      kinds,
      names,
    ]);
    return fn(client);
  });
}

describe("schema lints", () => {
  test("say why they are there and what to do", async () => {
    for (const lint of lints) {
      expect(await read(lint)).toMatch(/^\/\*\n( \*.*\n)+ \* To do: (.*\n)+ \*\//);
    }
  });

  test("have a bad example each, and every example has its lint", () => {
    expect(examples.map((path) => path.replace("bad/", ""))).toEqual(lints);
  });

  test.each(lints)("%s finds nothing: else its header says what to do", async (lint) => {
    expect(await inspect((client) => find(client, lint))).toEqual([]);
  });

  test.each(lints)("%s finds what is wrong in its bad example", async (lint) => {
    const example = await read(`bad/${lint}`);
    const expected = [...example.matchAll(/^-- finds: (.+)$/gm)].map(([, object]) => object);
    expect(expected).not.toEqual([]);
    const found = await inspect(async (client) => {
      const before = (await find(client, lint)).map(({ object }) => object);
      await client.query(example);
      const after = (await find(client, lint)).map(({ object }) => object);
      return after.filter((object) => !before.includes(object));
    });
    expect([...new Set(found)].sort()).toEqual([...expected].sort());
  });
});
