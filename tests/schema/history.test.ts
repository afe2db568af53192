/** Committed migrations are what they were: on a database that has run them, too. */
import { cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { migrate } from "../../src/commands/db/migrate.ts";
import { DatabaseCommandError } from "../../src/commands/shared/errors.ts";
import {
  committedFiles,
  compareHistory,
  type History,
  ranMigrations,
} from "../../src/commands/shared/history.ts";
import { testDatabase } from "../helpers/database.ts";
import { migrationText, writeMigrations } from "./migrationFolder.ts";

const database = testDatabase({ empty: true });
const ONE = "000001-one.sql";
const TWO = "000002-two.sql";
const THREE = "000003-three.sql";
let root: string;
let good: string;
let folder: string;

async function edit(name: string, change: (text: string) => string): Promise<void> {
  const path = join(folder, "committed", name);
  await writeFile(path, change(await readFile(path, "utf8")));
}

async function hashOf(name: string): Promise<string> {
  const text = await readFile(join(folder, "committed", name), "utf8");
  return /^--! Hash: (\S+)/m.exec(text)?.[1] ?? "";
}

/** What the database and the files of `folder` say to each other. */
async function look(): Promise<History> {
  const client = await database.owner.connect();
  try {
    return compareHistory(await committedFiles(folder), await ranMigrations(client));
  } finally {
    client.release();
  }
}

/** Why migrating is refused. */
async function refusal(): Promise<string> {
  const error = await migrate(database.config, { migrationsFolder: folder }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DatabaseCommandError);
  return error instanceof Error ? error.message : "";
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "staybase-history-"));
  good = join(root, "good");
  folder = join(root, "now");
  await writeMigrations(good, {
    [ONE]: "create table public.one ();",
    [TWO]: "create table public.two ();",
    [THREE]: "create table public.three ();",
  });
  const { ran } = await migrate(database.config, { migrationsFolder: good });
  expect(ran).toEqual([ONE, TWO, THREE]);
});

beforeEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await cp(good, folder, { recursive: true });
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("a database that has run the committed migrations", () => {
  test("takes them as they were, and one more", async () => {
    expect(await look()).toEqual({ problems: [], pending: [], newer: [] });
    const { text } = migrationText("select 4;", await hashOf(THREE));
    await writeFile(join(folder, "committed", "000004-four.sql"), text);
    expect(await look()).toEqual({ problems: [], pending: ["000004-four.sql"], newer: [] });
  });

  test("notices an edited one, and runs nothing", async () => {
    await edit(TWO, (text) => `${text}create table public.smuggled ();\n`);
    const { text } = migrationText("create table public.four ();", await hashOf(THREE));
    await writeFile(join(folder, "committed", "000004-four.sql"), text);
    const said = await refusal();
    expect(said).toMatch(/Nothing was run/);
    expect(said).toMatch(/000002-two\.sql was changed after it was committed/);
    expect(said).toMatch(/000002-two\.sql is not what the database has run.*git checkout/);
    const { rows } = await database.owner.query("select to_regclass('public.four') as four");
    expect(rows).toEqual([{ four: null }]);
  });

  test("notices one whose declared hash was edited with it", async () => {
    const body = "create table public.three (a integer);";
    const previous = await hashOf(TWO);
    await edit(THREE, () => migrationText(body, previous).text);
    // By themselves the files are in order: only the database knows.
    expect(compareHistory(await committedFiles(folder), []).problems).toEqual([]);
    expect(await refusal()).toMatch(/000003-three\.sql is not what the database has run/);
  });

  test("notices one that is gone, and one with another number", async () => {
    await rm(join(folder, "committed", TWO));
    expect(await refusal()).toMatch(/has run 000002\.sql, which is gone.*git checkout/);
    await rename(join(folder, "committed", THREE), join(folder, "committed", TWO));
    expect((await look()).problems).toContainEqual(
      expect.stringMatching(/^000003\.sql is what the database has run.*now called 000002-two/),
    );
  });

  test("lets an older version be, which knows less", async () => {
    await rm(join(folder, "committed", THREE));
    expect(await look()).toEqual({ problems: [], pending: [], newer: ["000003.sql"] });
    await expect(migrate(database.config, { migrationsFolder: folder })).resolves.toMatchObject({
      ran: [],
    });
  });
});
