/**
 * Runs every lint of `lints/` on the schema, and shows each of them the bad example of the same
 * name under `lints/bad/`, so that a lint that finds nothing is known to be able to find something.
 */
import { describe, expect, test } from "@jest/globals";
import type { ClientBase } from "pg";
import { testDatabase } from "../helpers/database.ts";
import { sqlFiles } from "./files.ts";
import { type Finding, LINTS_FOLDER, lintNames, readLint, showFiles } from "./lints.ts";

const files = await sqlFiles(LINTS_FOLDER);
const lints = await lintNames();
const examples = files.map(({ path }) => path).filter((path) => path.startsWith("bad/"));

const database = testDatabase();

const read = (path: string): Promise<string> => readLint(database.config, path);

async function find(client: ClientBase, lint: string): Promise<Finding[]> {
  const { rows } = await client.query<Finding>(await read(lint));
  return rows;
}

/** A transaction as the owner in which the lints may also see the files of `sql/`. */
function inspect<T>(fn: (client: ClientBase) => Promise<T>): Promise<T> {
  return database.scenario(async ({ client }) => {
    await showFiles(client);
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
