/**
 * A statement is sent together with who it is for, and leaves nothing of that behind: one
 * connection serves everybody in turn, also after errors, time-outs and the death of a backend.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Pool, type PoolClient } from "pg";
import { prepareSettings, queryAs, type Settings } from "../../src/graphql/scopedQuery.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner, somebody } from "../helpers/factories.ts";
import { drawFrom } from "../helpers/generate.ts";

const database = testDatabase();
let pool: Pool;
let client: PoolClient;
let people: string[];

beforeAll(async () => {
  people = [await somebody(database, "Ann"), await somebody(database, "Ben")];
  const connectionString = database.config.database.url ?? "";
  pool = new Pool({ connectionString, max: 1, pipeline: true });
  pool.on("error", () => undefined);
  await connect();
});

afterAll(async () => {
  client.release(true);
  await pool.end();
});

async function connect(): Promise<void> {
  client = await pool.connect();
  client.on("error", () => undefined);
  await prepareSettings(client);
}

const as = (userId: string, more: Settings = {}): Settings => ({
  role: database.config.database.visitor,
  "staybase.user_id": userId,
  "staybase.session_id": "",
  ...more,
});

/** Who the server believes is asking, and the contacts that they may see. */
const WHO = {
  name: "who",
  text: `select current_user::text as role, current_setting('staybase.user_id') as user_id,
    (select count(*)::integer from app_public.user_contacts) as contacts, $1::text as said`,
};

async function expectToBe(userId: string): Promise<void> {
  const { rows, rowCount } = await queryAs(client, as(userId), { ...WHO, values: ["x"] });
  const contacts = userId === "" ? 0 : 1;
  const role = database.config.database.visitor;
  expect(rows).toEqual([{ role, user_id: userId, contacts, said: "x" }]);
  expect(rowCount).toBe(1);
}

/** What the connection itself is when nothing runs on it: nobody. */
async function expectNothingLeft(): Promise<void> {
  const { rows } = await client.query(`select current_user = session_user as is_itself,
    coalesce(current_setting('staybase.user_id', true), '') as user_id,
    current_setting('statement_timeout') as timeout`);
  expect(rows).toEqual([{ is_itself: true, user_id: "", timeout: "0" }]);
}

const FAULTS: Readonly<Record<string, () => Promise<unknown>>> = {
  "a statement that cannot be read": () => queryAs(client, as(""), { text: "select from where" }),
  "one with a name that cannot be read": () =>
    queryAs(client, as(""), { name: "broken", text: "select no_such_column" }),
  "one that fails": () => queryAs(client, as(""), { text: "select 1 / $1::int", values: [0] }),
  "one that fails after its first row": () =>
    queryAs(client, as(""), { text: "select 1 / (3 - n) from generate_series(1, 5) n" }),
  "one that is not allowed": () =>
    queryAs(client, as(""), { text: "select * from app_private.user_secrets" }),
  "one that is late": () =>
    queryAs(client, as("", { statement_timeout: "20" }), { text: "select pg_sleep(5)" }),
  "a role that there is not": () =>
    queryAs(client, { ...as(""), role: "no_such_role" }, { text: "select 1" }),
  "a value that has no text": () =>
    queryAs(client, as(""), {
      text: "select $1::json",
      values: [
        {
          toPostgres: () => {
            throw new Error("none");
          },
        },
      ],
    }),
};

test.each(Object.entries(FAULTS))("%s leaves nothing behind", async (_what, fail) => {
  for (const userId of people) {
    await expectToBe(userId);
    await expect(fail()).rejects.toThrow();
    await expectNothingLeft();
    await expectToBe(userId);
    await expectToBe("");
  }
});

test("a name that could not be prepared can be, later", async () => {
  const query = { name: "later", text: "select count(*)::integer as n from public.later" };
  await expect(queryAs(client, as(""), query)).rejects.toThrow(/later/);
  await asOwner(database, "create table public.later (); grant select on public.later to public");
  await asOwner(database, "grant usage on schema public to public");
  const { rows } = await queryAs(client, as(""), query);
  expect(rows).toEqual([{ n: 0 }]);
});

test("a thousand statements of people in turn, with faults in between, never see another", async () => {
  const draw = drawFrom(7);
  for (let step = 0; step < 1000; step += 1) {
    if (draw.integer(0, 9) === 0) {
      const [, fail] = draw.one(Object.entries(FAULTS).filter(([what]) => !what.includes("late")));
      await expect(fail()).rejects.toThrow();
    }
    await expectToBe(draw.one([...people, ""]));
  }
  await expectNothingLeft();
});

test("statements that are sent at once keep apart", async () => {
  const order = Array.from({ length: 60 }, (_, index) => people[index % 2] ?? "");
  await Promise.all(order.map(expectToBe));
});

test("what a statement changes is kept, and what fails at its end is not", async () => {
  await asOwner(
    database,
    `create table public.notes (id integer primary key,
       above integer references public.notes deferrable initially deferred);
     grant select, insert on public.notes to public`,
  );
  const insert = (id: number, above: number | null) =>
    queryAs(client, as(""), {
      text: "insert into public.notes values ($1, $2)",
      values: [id, above],
    });
  expect((await insert(1, null)).rowCount).toBe(1);
  // The reference is looked at when the transaction ends, after the statement has succeeded.
  await expect(insert(2, 99)).rejects.toMatchObject({ code: "23503" });
  const { rows } = await client.query("select id from public.notes");
  expect(rows).toEqual([{ id: 1 }]);
});

test("needs one round trip, and no BEGIN", async () => {
  const { connection } = client as unknown as { connection: { sync(): void } };
  const sync = connection.sync.bind(connection);
  let trips = 0;
  connection.sync = () => {
    trips += 1;
    sync();
  };
  await queryAs(client, as(people[0] ?? ""), { ...WHO, values: ["x"] });
  connection.sync = sync;
  expect(trips).toBe(1);
});

test("rows as lists, and several settings", async () => {
  const settings = as(people[0] ?? "", { "staybase.if_match": "x", statement_timeout: "3000" });
  const { rows } = await queryAs(client, settings, {
    text: "select current_setting('staybase.if_match'), current_setting('statement_timeout')",
    ...({ rowMode: "array" } as object),
  });
  expect(rows).toEqual([["x", "3s"]]);
});

test("a backend that is killed fails its statement, and the next connection serves", async () => {
  const { rows } = await client.query("select pg_backend_pid() as pid");
  const late = queryAs(client, as(people[0] ?? ""), { text: "select pg_sleep(10)" });
  const failed = expect(late).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
  await failed;
  client.release(true);
  await connect();
  await expectToBe(people[1] ?? "");
});
