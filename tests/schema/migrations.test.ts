/**
 * Proves that `migrations/` (how we got here) and `sql/` (what is) tell the same story. Each proof
 * is shown a bad example first, so that it is known to be able to fail.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { migrate } from "../../src/commands/db/migrate.ts";
import { bookingsDiagram, bookingsPage } from "../../src/commands/shared/bookingsPage.ts";
import { GENERATED } from "../../src/commands/shared/generated.ts";
import { committedProblems } from "../../src/commands/shared/history.ts";
import { compareBlocks, type DumpBlock, dumpBlocks } from "../../src/commands/shared/schemaDump.ts";
import { databaseTarget, MIGRATIONS_FOLDER, ownerUrl } from "../../src/commands/shared/settings.ts";
import { triggersPage } from "../../src/commands/shared/triggersPage.ts";
import { installWorkerSchema } from "../../src/commands/shared/workerSchema.ts";
import { applyAllSql } from "../helpers/applyAllSql.ts";
import { openTestDatabase, type TestDatabase, testDatabase } from "../helpers/database.ts";
import {
  COMMITTED_FOLDER,
  CURRENT_FOLDER,
  committedInHistory,
  SQL_FOLDER,
  sqlFiles,
} from "./files.ts";
import {
  currentProblems,
  editedProblems,
  includeProblems,
  inventoryProblems,
  namingProblems,
} from "./proofs.ts";

const FIRST_HASH = "sha1:3b0b0fe8a44bd9a04df15bdc3b03b4ea8ee4a1ff";

describe("committed migrations", () => {
  test("have the hash of their content and follow one another", async () => {
    expect(committedProblems(await sqlFiles(COMMITTED_FOLDER))).toEqual([]);
  });

  test("would be found out when edited, reordered or numbered twice", () => {
    const migration = (previous: string, hash: string, body: string): string =>
      `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${body}\n`;
    const [good] = committedProblems([
      { path: "000001-one.sql", text: migration("-", "sha1:0", "select 1;") },
    ]);
    const hash = /its content (sha1:\w+)/.exec(good ?? "")?.[1] ?? "";
    const first = { path: "000001-one.sql", text: migration("-", hash, "select 1;") };
    expect(committedProblems([first])).toEqual([]);

    const edited = { ...first, text: first.text.replace("select 1", "select 2") };
    expect(committedProblems([edited])).toEqual([expect.stringContaining("was changed after")]);
    const orphan = { path: "000002-two.sql", text: migration(FIRST_HASH, "sha1:1", "select 3;") };
    expect(committedProblems([first, orphan])).toEqual([expect.stringContaining("follows")]);
    const twin = { path: "000001-two.sql", text: orphan.text };
    expect(committedProblems([first, twin])).toContainEqual(
      expect.stringContaining("took the same number"),
    );
    const bare = { path: "000001-one.sql", text: "select 1;\n" };
    expect(committedProblems([bare])).toHaveLength(1);
  });

  test("are what the history of this branch says", async () => {
    const before = await committedInHistory();
    if (before === undefined) {
      console.warn("There is no git history here, so committed migrations are not compared.");
      return;
    }
    expect(editedProblems(before, await sqlFiles(COMMITTED_FOLDER))).toEqual([]);
  });

  test("would be found out when they differ from the history or vanish from it", () => {
    const before = [
      { path: "000001.sql", text: "a" },
      { path: "000002.sql", text: "b" },
    ];
    const now = [
      { path: "000001.sql", text: "changed" },
      { path: "000003.sql", text: "new ones are welcome" },
    ];
    expect(editedProblems(before, now)).toEqual([
      expect.stringMatching(/^000001\.sql differs from .*git checkout/),
      expect.stringMatching(/^000002\.sql is missing/),
    ]);
  });

  test("leave nothing pending in migrations/current", async () => {
    expect(currentProblems(await sqlFiles(CURRENT_FOLDER))).toEqual([]);
  });

  test("would be found out when something is pending", () => {
    const pending = ["alter table x add y text;", "--!include listings/tables/listings.sql"];
    for (const text of pending) {
      expect(currentProblems([{ path: "1-current.sql", text: `-- why\n${text}\n` }])).toEqual([
        expect.stringContaining("npm run db:commit"),
      ]);
    }
    expect(currentProblems([{ path: "1-current.sql", text: "/* x; */\n-- y;\n" }])).toEqual([]);
  });
});

describe("sql/", () => {
  test("is listed in all.sql, every file once", async () => {
    const files = await sqlFiles(SQL_FOLDER);
    const all = files.find((file) => file.path === "all.sql")?.text ?? "";
    const others = files.map((file) => file.path).filter((path) => path !== "all.sql");
    expect(inventoryProblems(all, others)).toEqual([]);
  });

  test("would be found out when a file is forgotten, gone or listed twice", () => {
    const all = "--!include a/b.sql\n--!include a/b.sql\n--!include a/gone.sql\nselect 1;\n";
    expect(inventoryProblems(all, ["a/b.sql", "a/new.sql"])).toEqual([
      "sql/a/new.sql is not in sql/all.sql. Add: --!include a/new.sql",
      expect.stringContaining("a/gone.sql, which is not there"),
      expect.stringContaining("a/b.sql twice"),
      expect.stringContaining("table of contents"),
    ]);
  });

  test("has no include that graphile-migrate would take for a comment", async () => {
    const files = [...(await sqlFiles(SQL_FOLDER)), ...(await sqlFiles(CURRENT_FOLDER))];
    expect(files.flatMap(includeProblems)).toEqual([]);
  });

  test.each([
    "  --!include a/b.sql",
    "--!include a/b.sql -- why",
    "--!include a/b.sql;",
    "-- !include a/b.sql",
    "-- include a/b.sql",
    "--!include ../b.sql",
    "--!include a/b",
  ])("would be found out when it said %j", (line) => {
    expect(includeProblems({ path: "x.sql", text: `select 1;\n${line}\n` })).toEqual([
      expect.stringContaining("x.sql:2"),
    ]);
  });

  test("has one object a file, named like the file, in the folder of its kind", async () => {
    expect((await sqlFiles(SQL_FOLDER)).flatMap(namingProblems)).toEqual([]);
  });

  test.each([
    ["a/tables/ones.sql", "create table if not exists app_public.twos (id int);"],
    ["a/tables/ones.sql", "create table app_public.ones (); create table app_public.twos ();"],
    ["a/tables/ones.sql", "create table app_public.ones (); create policy p on app_public.ones;"],
    ["a/policies/ones.sql", "create policy select_all on app_public.ones using (true);"],
    ["a/policies/ones.sql", "select app_hidden.drop_policies('app_public.twos');"],
    ["a/queries/one.sql", "create or replace function app_hidden.one() returns int return 1;"],
    ["a/internal/one.sql", "create or replace function app_public.one() returns int return 1;"],
    ["a/internal/one.sql", "-- create or replace function app_hidden.one()"],
    ["a/internal/one.sql", "create or replace function app_private.one() returns int return 1;"],
    ["a/server/one.sql", "create or replace function app_hidden.one() returns int return 1;"],
    ["a/types/one.sql", "do $$ begin create type app_public.two as enum (); end $$;"],
    ["a/tables/ones.sql", "create table app_public.ones (); create type app_public.one as ();"],
    ["a/triggers/one.sql", "create or replace function app_hidden.one() returns trigger"],
    ["a/things/one.sql", "create or replace function app_hidden.one() returns int return 1;"],
    ["a/one.sql", "create or replace function app_hidden.one() returns int return 1;"],
    ["a/data/ones.sql", "insert into app_public.twos values (1);"],
    ["a/tables/ones.sql", "create table app_public.ones (); drop table app_public.twos;"],
    ["a/tables/ones.sql", "create table app_public.ones (); drop view app_public.v cascade;"],
  ])("would be found out in %s: %s", (path, text) => {
    expect(namingProblems({ path, text })).not.toEqual([]);
  });
});

describe("the schema", () => {
  const template = testDatabase({ limitsHolds: true });

  test("is built from nothing by all committed migrations, and only once", async () => {
    const database = await openTestDatabase({ empty: true });
    try {
      const files = (await sqlFiles(COMMITTED_FOLDER)).map((file) => file.path);
      expect((await migrate(database.config)).ran).toEqual(files);
      expect(files).not.toEqual([]);
      expect(await migrate(database.config)).toEqual({ made: [], ran: [] });
    } finally {
      await database.dispose();
    }
  });

  test.each(GENERATED)("is what $shownAs says: else run `npm run schema:dump`", async (one) => {
    const file = join(MIGRATIONS_FOLDER, one.path);
    const text = await readFile(file, "utf8").catch(() => "there is no such file yet");
    expect(staleLines(text, await withOwner(template, one.write))).toEqual([]);
  });

  test("would be found out when a generated file is stale", async () => {
    expect(staleLines("a\nb\nc", "a\nc\nd")).toEqual(["- b", "+ d"]);
    const found = await withOwner(template, async (client) => {
      const before = await triggersPage(client);
      await client.query(
        `begin;
         drop trigger _100_touch on app_private.user_secrets;
         drop trigger _600_audit_password on app_private.user_secrets`,
      );
      const after = await triggersPage(client);
      await client.query("rollback");
      return staleLines(before, after);
    });
    expect(found).toContain("- ## app_private.user_secrets");
  });

  test("draws the life of a booking as its table of transitions has it", async () => {
    const [before, after] = await withOwner(template, async (client) => {
      const page = await bookingsPage(client);
      await client.query(`
        begin;
        delete from app_hidden.booking_transitions where to_status = 'declined';
        insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
        values ('completed', 'expired', 'guest', 'after_hold')`);
      const changed = await bookingsPage(client);
      await client.query("rollback");
      return [page, changed];
    });
    expect(before).toContain("    [*] --> pending_payment\n");
    expect(before).toMatch(/ {4}confirmed --> completed: system, after check out\n/);
    expect(staleLines(before, after)).toEqual(
      expect.arrayContaining([
        "-     declined --> [*]",
        "-     completed --> [*]",
        "+     completed --> expired: guest, after hold",
      ]),
    );
  });

  test("puts all who may go one way at one arrow", () => {
    const way = { from: "a", to: "b", deadline: "none" };
    const transitions = [
      { ...way, actor: "guest" },
      { ...way, actor: "host", deadline: "before_check_out" },
    ];
    expect(bookingsDiagram({ transitions, beginnings: ["a"] }).split("\n")).toEqual([
      "stateDiagram-v2",
      "    [*] --> a",
      "    a --> b: guest / host, before check out",
      "    b --> [*]",
      "",
    ]);
  });

  test("shows triggers in firing order, with their columns and conditions", async () => {
    const page = await withOwner(template, async (client) => {
      await client.query(`
        begin;
        create table app_public.aaa (a integer, b integer);
        create function app_public.tg_aaa() returns trigger language plpgsql as 'begin end';
        comment on function app_public.tg_aaa() is 'Does a|b. And more.';
        create trigger _100_late after update on app_public.aaa
          execute function app_public.tg_aaa();
        create constraint trigger _050_last after insert on app_public.aaa
          deferrable initially deferred for each row execute function app_public.tg_aaa();
        create trigger _200_row after delete on app_public.aaa
          for each row execute function app_public.tg_aaa();
        create trigger _900_first before update of b or insert on app_public.aaa
          for each row when (NEW.a > 1) execute function app_public.tg_aaa();`);
      const text = await triggersPage(client);
      await client.query("rollback");
      return text;
    });
    const rows = /## app_public\.aaa\n\n.*\n.*\n([\s\S]*?)\n\n/.exec(page)?.[1]?.split("\n");
    const does = "`app_public.tg_aaa()`: Does a\\|b. |";
    expect(rows).toEqual([
      `| \`_900_first\` | before insert, update of b, each row | \`new.a > 1\` | ${does}`,
      `| \`_200_row\` | after delete, each row |  | ${does}`,
      `| \`_100_late\` | after update, each statement |  | ${does}`,
      `| \`_050_last\` | after insert, each row, deferred to the commit |  | ${does}`,
    ]);
  });

  test("is the same whether built by the migrations or by sql/all.sql alone", async () => {
    const alone = await openTestDatabase({ empty: true });
    try {
      const target = databaseTarget(alone.config);
      await installWorkerSchema(ownerUrl(target), target.authenticator);
      await applyAllSql(target);
      expect(await differences(template, alone)).toEqual([]);
    } finally {
      await alone.dispose();
    }
  });

  test("is not changed by applying sql/all.sql to it again", async () => {
    const again = await openTestDatabase({ limitsHolds: true });
    try {
      await applyAllSql(databaseTarget(again.config));
      expect(await differences(template, again)).toEqual([]);
    } finally {
      await again.dispose();
    }
  });
});

describe("the comparison of two schemas", () => {
  const template = testDatabase({ limitsHolds: true });

  test("takes a column that was added for one at the end of the table's file", async () => {
    const file = "create table app_public.scratch (a int not null, b text)";
    const added =
      "create table app_public.scratch (a int not null); alter table app_public.scratch add b text";
    const other = "create table app_public.scratch (b text, a int not null)";
    const dumps: DumpBlock[][] = [];
    const client = await template.owner.connect();
    try {
      for (const change of [file, added, other]) {
        await client.query("begin");
        await client.query(change);
        dumps.push(await dumpBlocks(client));
        await client.query("rollback");
      }
    } finally {
      client.release();
    }
    const [one = [], two = [], three = []] = dumps;
    expect(compare(one, two)).toEqual([]);
    // The order that clients of "select *" and of row types see.
    expect(compare(one, three)).toEqual([
      expect.stringMatching(/^table app_public\.scratch differs\n.* in another order: .*a integer/),
    ]);
  });

  test.each([
    ["a column", "alter table app_public.users add extra text"],
    ["a default", "alter table app_public.users alter bio set default 'x'"],
    ["a constraint", "alter table app_public.users drop constraint users_bio_is_bounded"],
    ["an index", "create index on app_public.users (created_at)"],
    ["a policy", "drop policy select_all on app_public.users"],
    ["a policy's expression", "alter policy select_all on app_public.users using (false)"],
    ["row-level security", "alter table app_public.users no force row level security"],
    ["a grant", "grant delete on app_public.users to staybase_visitor"],
    ["a column's grant", "grant update (created_at) on app_public.users to staybase_visitor"],
    ["a schema's grant", "grant usage on schema app_private to staybase_visitor"],
    ["a function's grant", "grant execute on function app_hidden.clock() to public"],
    ["a default privilege", "alter default privileges grant select on tables to public"],
    ["a function", "alter function app_hidden.clock() volatile"],
    ["a trigger", "drop trigger _100_touch on app_public.users"],
    ["a comment", "comment on column app_public.users.bio is 'x'"],
    ["a type", "create type app_public.scratch as enum ('x')"],
    ["a domain", "alter domain app_public.web_url drop constraint web_url_is_https"],
    ["a view", "create view app_public.scratch as select 1 as one"],
    ["a row", "update app_public.currencies set name = 'x' where code = 'EUR'"],
    ["rows of a table that had none", "insert into app_private.event_readers (name) values ('x')"],
  ])("sees %s", async (_what, change) => {
    const client = await template.owner.connect();
    try {
      const before = await dumpBlocks(client);
      await client.query("begin");
      await client.query(change);
      const after = await dumpBlocks(client);
      expect(compare(before, after)).toHaveLength(1);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});

async function withOwner<T>(
  database: TestDatabase,
  task: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await database.owner.connect();
  try {
    return await task(client);
  } finally {
    client.release();
  }
}

function compare(before: DumpBlock[], after: DumpBlock[]): string[] {
  return compareBlocks({ name: "before", blocks: before }, { name: "after", blocks: after });
}

const NOT_INCLUDED =
  "sql/ and the migrations differ. Name each edited file in migrations/current/1-current.sql " +
  '(--!include domain/kind/name.sql), then: npm run db:commit -- --message "what it does".';

/** How two databases differ, with what to do about it. */
async function differences(one: TestDatabase, two: TestDatabase): Promise<string[]> {
  const found = compareBlocks(
    { name: "the migrations", blocks: await withOwner(one, dumpBlocks) },
    { name: "sql/", blocks: await withOwner(two, dumpBlocks) },
  );
  return found.length === 0 ? [] : [NOT_INCLUDED, ...found];
}

/** The first lines that are in one text and not in the other. */
function staleLines(file: string, actual: string): string[] {
  const [before, now] = [file.split("\n"), actual.split("\n")];
  const [inFile, inActual] = [new Set(before), new Set(now)];
  if (file === actual) return [];
  const lines = [
    ...before.filter((line) => !inActual.has(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !inFile.has(line)).map((line) => `+ ${line}`),
  ].slice(0, 20);
  return lines.length > 0 ? lines : ["the same lines in another order"];
}
