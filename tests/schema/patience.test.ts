/** A migration beside people who work: it waits a little, gives up whole, and is tried again. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import type { Patience } from "../../src/commands/db/migrate/runCommitted.ts";
import { migrate } from "../../src/commands/db/migrate.ts";
import { DatabaseCommandError } from "../../src/commands/shared/errors.ts";
import { explainInvalidIndexes } from "../../src/commands/shared/indexes.ts";
import { openTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { writeMigrations } from "./migrationFolder.ts";

const DEADLINE_MS = 20_000;
const START = {
  "000001-start.sql": `create schema app_public;
create table app_public.things (name text);
insert into app_public.things values ('same'), ('same');`,
};
const ALTER = {
  ...START,
  "000002-before.sql": "create table app_public.before ();",
  "000003-alter.sql": `create table app_public.half ();
alter table app_public.things add column extra text;`,
};
const INDEX = {
  ...START,
  "000002-index.sql": `--! no-transaction
create unique index concurrently if not exists things_name_key on app_public.things (name);`,
};

let folder: string;
let database: Awaited<ReturnType<typeof openTestDatabase>>;
let holder: pg.PoolClient;
/** The superuser, who sees what others wait for. */
let observer: pg.Client;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-patience-"));
  database = await openTestDatabase({ empty: true });
  await writeMigrations(folder, START);
  await migrate(database.config, { migrationsFolder: folder });
  holder = await database.owner.connect();
  observer = new pg.Client({ connectionString: database.rootUrl });
  await observer.connect();
});

afterEach(async () => {
  holder.release(true);
  await observer.end();
  await database.dispose();
  await rm(folder, { recursive: true, force: true });
});

function run(patience: Patience): Promise<readonly string[]> {
  return migrate(database.config, { migrationsFolder: folder, patience }).then(({ ran }) => ran);
}

async function failure(task: Promise<unknown>): Promise<string> {
  const error = await task.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DatabaseCommandError);
  return error instanceof Error ? error.message : "";
}

/** Somebody who reads the table in a transaction that does not end. */
async function hold(): Promise<number> {
  await holder.query("begin; select from app_public.things");
  const { rows } = await holder.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

/** Waits until a session waits for a lock, for at least so many milliseconds, or does not. */
async function until(isWaiting: boolean, leastMs = 0): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const { rowCount } = await observer.query(
      `select from pg_stat_activity where datname = current_database()
         and wait_event_type = 'Lock'
         and clock_timestamp() - query_start >= make_interval(secs => $1::numeric / 1000)`,
      [leastMs],
    );
    if ((rowCount === 1) === isWaiting) return;
    if (performance.now() > deadline) throw new Error(`waiting stayed ${!isWaiting}`);
  }
}

async function exists(db: TestDatabase, name: string): Promise<boolean> {
  const { rows } = await db.owner.query<{ it: boolean }>(
    "select to_regclass($1) is not null as it",
    [name],
  );
  return rows[0]?.it ?? false;
}

describe("a migration that meets a lock", () => {
  beforeEach(() => writeMigrations(folder, ALTER));

  test("is tried again, and succeeds when the lock is gone", async () => {
    await hold();
    const running = run({ lockTimeoutMs: 300, pausesMs: Array.from({ length: 50 }, () => 300) });
    await until(true);
    // It has given up once, with the lock still held.
    await until(false);
    await holder.query("rollback");
    expect(await running).toEqual(["000002-before.sql", "000003-alter.sql"]);
    expect(await exists(database, "app_public.half")).toBe(true);
  });

  test("gives up whole when the lock stays, and says who is in the way", async () => {
    const pid = await hold();
    const patience = { lockTimeoutMs: 50, pausesMs: [10, 10] };
    const said = await failure(run(patience));
    expect(said).toMatch(/^000003-alter\.sql did not get its locks in 3 tries of 0\.05 s/);
    expect(said).toMatch(
      new RegExp(`process ${pid} .*: idle in transaction, its transaction is open`),
    );
    expect(said).toContain("app_public.things");
    expect(said).toMatch(/run npm run db:migrate again\.$/);
    expect(await exists(database, "app_public.half")).toBe(false);
    expect(await exists(database, "app_public.before")).toBe(true);
    await holder.query("rollback");
    expect(await run(patience)).toEqual(["000003-alter.sql"]);
  });

  test("would wait as long as the lock is held without the time-out (control)", async () => {
    await hold();
    const running = run({ lockTimeoutMs: 0, pausesMs: [] });
    // Longer than all tries of the test above take.
    await until(true, 1000);
    await holder.query("rollback");
    expect(await running).toEqual(["000002-before.sql", "000003-alter.sql"]);
  });
});

describe("an index that is built concurrently", () => {
  const impatient = { lockTimeoutMs: 50, pausesMs: [] };

  test("waits for transactions longer than the time-out", async () => {
    await database.owner.query("delete from app_public.things");
    await writeMigrations(folder, INDEX);
    await holder.query("begin; insert into app_public.things values ('one')");
    const running = run(impatient);
    await until(true, 500);
    await holder.query("commit");
    expect(await running).toEqual(["000002-index.sql"]);
  });

  test("is reported when it is left invalid, and cannot hide behind if not exists", async () => {
    await writeMigrations(folder, INDEX);
    const told = await failure(run(impatient));
    expect(told).toMatch(/^000002-index\.sql was broken off \(could not create unique index/);
    expect(told).toContain("drop index concurrently app_public.things_name_key;");
    const again = await failure(run(impatient));
    expect(again).toMatch(/^000002-index\.sql was not run\..*things_name_key/);
    expect(await explainInvalidIndexes(holder)).toContain("app_public.things_name_key");

    await holder.query("drop index concurrently app_public.things_name_key");
    await holder.query("delete from app_public.things");
    expect(await explainInvalidIndexes(holder)).toBeUndefined();
    expect(await run(impatient)).toEqual(["000002-index.sql"]);
  });
});
