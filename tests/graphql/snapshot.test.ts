/**
 * Reads that are sent together show one moment, and are otherwise as if each were alone: each has
 * its own answer or error, as whoever asks, and nothing is left on the connection.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Pool, PoolClient, QueryResult } from "pg";
import { prepareSettings, type Settings } from "../../src/graphql/scopedQuery.ts";
import {
  answerReads,
  answerStatement,
  gatherReads,
  type Read,
  type Statement,
} from "../../src/graphql/snapshot.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { createPool } from "../../src/resources/postgres.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner, somebody } from "../helpers/factories.ts";
import { drawFrom } from "../helpers/generate.ts";
import { waitUntil } from "../helpers/marketplace.ts";

const database = testDatabase();
let pool: Pool;
let client: PoolClient;
let ann: string;
let ben: string;

beforeAll(async () => {
  [ann, ben] = [await somebody(database, "Ann"), await somebody(database, "Ben")];
  await asOwner(
    database,
    `create table public.notes (id integer);
     grant usage on schema public to public;
     grant select, insert on public.notes to public`,
  );
  pool = createPool(database.config, createLogger({ level: "silent" }), {
    applicationName: "staybase-test",
    max: 1,
  });
  await connect();
});

afterAll(async () => {
  client.release(true);
  await pool.end();
});

async function connect(): Promise<void> {
  client = await pool.connect();
  await prepareSettings(client);
}

function statementOf(text: string, userId: string = ann, values: unknown[] = []): Statement {
  const settings: Settings = {
    role: database.config.database.visitor,
    "staybase.user_id": userId,
    "staybase.session_id": "",
  };
  return { settings, config: { text, values, name: text.slice(0, 60) }, timing: undefined };
}

interface Asked {
  readonly answers: Promise<PromiseSettledResult<QueryResult>[]>;
  /** Rejects where the connection is good for nothing any more. */
  readonly done: Promise<void>;
}

function askAll(statements: readonly Statement[]): Asked {
  const reads: Read[] = [];
  const answers = statements.map(
    (statement) =>
      new Promise<QueryResult>((resolve, reject) => reads.push({ statement, resolve, reject })),
  );
  const done = answerReads(client, reads);
  done.catch(() => undefined);
  return { answers: Promise.allSettled(answers), done };
}

/** What came back, in short: the first value of the first row, or the code of the error. */
const inShort = (outcome: PromiseSettledResult<QueryResult>): unknown =>
  outcome.status === "fulfilled"
    ? Object.values(outcome.value.rows[0] ?? {})[0]
    : ((outcome.reason as { code?: string }).code ?? String(outcome.reason));

async function ask(...statements: readonly Statement[]): Promise<unknown[]> {
  const { answers, done } = askAll(statements);
  await done;
  return (await answers).map(inShort);
}

async function expectNothingLeft(): Promise<void> {
  const { rows } = await client.query(`select current_user = session_user as is_itself,
    coalesce(current_setting('staybase.user_id', true), '') as user_id,
    current_setting('transaction_isolation') as isolation, now() = statement_timestamp() as alone`);
  expect(rows).toEqual([
    { is_itself: true, user_id: "", isolation: "read committed", alone: true },
  ]);
}

/** Counts, once the lock is let go. */
const LATE_COUNT = "select count(*)::integer from pg_advisory_xact_lock(7), public.notes";
const COUNT = "select count(*)::integer from public.notes";

/** Has a note written and committed while the first statement of `use` waits. */
async function meanwhile(use: () => Promise<unknown[]>): Promise<unknown[]> {
  const holder = await database.owner.connect();
  try {
    await holder.query("select pg_advisory_lock(7)");
    const found = use();
    await waitUntil("the first waits", async () => {
      const { rows } = await holder.query(
        "select from pg_locks where locktype = 'advisory' and not granted",
      );
      return rows.length > 0;
    });
    await holder.query("insert into public.notes values (1)");
    await holder.query("select pg_advisory_unlock(7)");
    return await found;
  } finally {
    holder.release(true);
  }
}

test("reads that are sent together count the same, and one after the other they do not", async () => {
  const [first, second, third] = await meanwhile(() =>
    ask(statementOf(LATE_COUNT), statementOf(COUNT), statementOf(COUNT, ben)),
  );
  expect([second, third]).toEqual([first, first]);

  const [before, after] = await meanwhile(async () => [
    ...(await ask(statementOf(LATE_COUNT))),
    ...(await ask(statementOf(COUNT))),
  ]);
  expect(after).toBe(Number(before) + 1);
  await expectNothingLeft();
});

test("each is answered as who asks for it", async () => {
  const who = "select current_user || ' ' || current_setting('staybase.user_id')";
  const contacts = "select user_id::text from app_public.user_contacts";
  const as = (userId: string): string => `${database.config.database.visitor} ${userId}`;
  expect(
    await ask(
      statementOf(who, ann),
      statementOf(contacts, ben),
      statementOf(who, ben),
      statementOf(contacts, ann),
      statementOf(contacts, ""),
    ),
  ).toEqual([as(ann), ben, as(ben), ann, undefined]);
  await expectNothingLeft();
});

test("nothing is written", async () => {
  const write = "insert into public.notes values (2) returning id";
  expect(await ask(statementOf(COUNT), statementOf(write))).toEqual([2, "25006"]);
  expect(await ask(statementOf(write))).toEqual([2]);
});

const KINDS: readonly (readonly [text: string, answer: unknown])[] = [
  ["select 1", 1],
  ["select 1 / $1::integer", "22012"],
  ["select from where", "42601"],
  ["select no_such_column", "42703"],
  ["select * from app_private.user_secrets", "42501"],
  ["select 1 / (3 - n) from generate_series(1, 5) n", "22012"],
  ["select 5 where false", undefined],
];

test("any of them may fail, and the others are answered as if it were not there", async () => {
  const draw = drawFrom(11);
  for (let round = 0; round < 200; round += 1) {
    const drawn = Array.from({ length: draw.integer(1, 8) }, () => draw.one(KINDS));
    const statements = drawn.map(([text]) =>
      statementOf(text, draw.one([ann, ben, ""]), text.includes("$1") ? [0] : []),
    );
    expect(await ask(...statements)).toEqual(drawn.map(([, answer]) => answer));
  }
  await expectNothingLeft();
});

test("one that is late takes none of the time of the others", async () => {
  const { config, timing } = statementOf("select pg_sleep(5)");
  const { settings } = statementOf("");
  const late = { settings: { ...settings, statement_timeout: "50" }, config, timing };
  const nap = { settings: { ...settings, statement_timeout: "400" }, timing };
  const short = { ...nap, config: { name: "nap", text: "select 'slept', pg_sleep(0.3)" } };
  expect(await ask(short, late, short, short)).toEqual(["slept", "57014", "slept", "slept"]);
});

test("a value that cannot be sent fails alone, and ends the connection", async () => {
  const toPostgres = (): never => {
    throw new Error("none");
  };
  const { answers, done } = askAll([
    statementOf("select 1"),
    statementOf("select $1::json", ann, [{ toPostgres }]),
    statementOf("select 2"),
  ]);
  expect((await answers).map(inShort)).toEqual([1, "Error: none", 2]);
  await expect(done).rejects.toThrow("none");
  client.release(true);
  await connect();
});

test("a backend that is killed fails all that were on their way", async () => {
  const { rows } = await client.query("select pg_backend_pid() as pid");
  const late = statementOf("select pg_sleep(10) from pg_advisory_xact_lock(8)");
  const { answers, done } = askAll([statementOf("select 1"), late, statementOf("select 2")]);
  await waitUntil("it sleeps", async () => {
    const held = "select from pg_locks where locktype = 'advisory' and objid = 8";
    return (await asOwner(database, held)).length > 0;
  });
  await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
  expect((await answers).map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "rejected",
  ]);
  await expect(done).rejects.toThrow();
  client.release(true);
  await connect();
  expect(await ask(statementOf("select 1"), statementOf("select 2"))).toEqual([1, 2]);
});

test("what comes before anything is waited for is gathered, by who asks", async () => {
  const handed: (readonly [string, readonly string[]])[] = [];
  const gather = gatherReads<{ name: string }>(async ({ name }, reads) => {
    handed.push([name, reads.map(({ statement }) => statement.config.text)]);
    if (name === "refused") throw new Error("There is no room.");
    const { settings } = statementOf("");
    for (const { statement, resolve } of reads) {
      resolve(await answerStatement(client, { ...statement, settings }));
    }
  });
  const [one, other, refused] = [{ name: "one" }, { name: "other" }, { name: "refused" }];
  const later = async (asker: { name: string }, text: string): Promise<QueryResult> => {
    for (let turn = 0; turn < 20; turn += 1) await undefined;
    return gather(asker, statementOf(text));
  };
  const first = await Promise.allSettled([
    gather(one, statementOf("select 1")),
    gather(other, statementOf("select 2")),
    later(one, "select 3"),
    gather(refused, statementOf("select 4")),
    later(refused, "select 5"),
  ]);
  await gather(one, statementOf("select 6"));
  expect(first.map(inShort)).toEqual([
    1,
    2,
    3,
    "Error: There is no room.",
    "Error: There is no room.",
  ]);
  expect(handed).toEqual([
    ["one", ["select 1", "select 3"]],
    ["other", ["select 2"]],
    ["refused", ["select 4", "select 5"]],
    ["one", ["select 6"]],
  ]);
});
