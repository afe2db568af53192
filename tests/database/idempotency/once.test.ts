/** What a mutation with an idempotency key stands on: begin_once() and end_once(). */
import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import { asOwner, asVisitor, one, refusal, somebody } from "../../helpers/factories.ts";

const database = testDatabase();
let guest: string;
let other: string;

/** Two mutations that note something: one by the key, and one that forgets the key. */
beforeAll(async () => {
  guest = await somebody(database);
  other = await somebody(database);
  await asOwner(database, "create table app_private.notes (id uuid default uuidv7(), note text)");
  const mutation = (name: string, begin: string, end: string) =>
    asOwner(
      database,
      `create function app_public.${name}(key text, note text) returns uuid
       language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
       declare
         v_once record;
         v_id uuid;
       begin
         ${begin}
         insert into app_private.notes (note) values (${name}.note) returning id into v_id;
         if ${name}.note = 'refuse' then
           raise exception 'No.' using errcode = 'SBG04';
         end if;
         ${end}
         return v_id;
       end $$`,
    );
  const begin = (name: string) =>
    `v_once := app_hidden.begin_once(key, '${name}', jsonb_build_object('note', note));
     if v_once.ran_before then return v_once.result_id; end if;`;
  const end = "perform app_hidden.end_once(key, v_id);";
  await mutation("write_note", begin("write_note"), end);
  await mutation("write_other_note", begin("write_other_note"), end);
  await mutation("write_without_key", "", "");
  const { visitor } = database.config.database;
  await asOwner(
    database,
    `grant execute on function app_public.write_note, app_public.write_other_note,
       app_public.write_without_key to ${visitor}`,
  );
});

const write = (userId: string | null, key: string | null, note: string, name = "write_note") =>
  asVisitor(database, userId, `select app_public.${name}($1, $2) as id`, [key, note]);

const notes = async (note: string) =>
  (await asOwner(database, "select from app_private.notes where note = $1", [note])).length;

/** Twenty calls at once, each on its own connection as far as the pool has them. */
async function twenty(note: string, name: string): Promise<Set<unknown>> {
  const key = randomUUID();
  const calls = Array.from({ length: 20 }, () => write(guest, key, note, name));
  return new Set((await Promise.all(calls)).map((rows) => one(rows).id));
}

test("twenty calls at once with one key have one effect and one answer", async () => {
  expect((await twenty("at once", "write_note")).size).toBe(1);
  expect(await notes("at once")).toBe(1);
});

test("a mutation that does not ask has twenty effects (negative control)", async () => {
  expect((await twenty("without", "write_without_key")).size).toBe(20);
  expect(await notes("without")).toBe(20);
});

test("a key is good for one operation and one request of one person", async () => {
  const key = randomUUID();
  const first = await write(guest, key, "mine");
  expect(await write(guest, key, "mine")).toEqual(first);
  expect(await refusal(write(guest, key, "another"))).toBe("SBB03");
  expect(await refusal(write(guest, key, "mine", "write_other_note"))).toBe("SBB03");
  expect(await write(other, key, "mine")).not.toEqual(first);
});

test("a mutation that was refused leaves its key free", async () => {
  const key = randomUUID();
  expect(await refusal(write(guest, key, "refuse"))).toBe("SBG04");
  await expect(write(guest, key, "something else")).resolves.toHaveLength(1);
});

test("a key has 8 to 200 characters, and nobody has one without signing in", async () => {
  for (const key of [null, "", "1234567", "x".repeat(201)]) {
    expect(await refusal(write(guest, key, "no key"))).toBe("SBB02");
  }
  for (const key of ["12345678", "x".repeat(200)]) {
    await expect(write(guest, key, "a key")).resolves.toHaveLength(1);
  }
  expect(await refusal(write(null, randomUUID(), "nobody"))).toBe("SBG01");
});

test("a key is free again after a day", async () => {
  const key = randomUUID();
  const first = await write(guest, key, "today");
  const age = (by: string) =>
    asOwner(
      database,
      "update app_private.idempotency_keys set created_at = created_at - $2::interval where key = $1",
      [key, by],
    );
  await age("23 hours 59 minutes");
  expect(await write(guest, key, "today")).toEqual(first);
  await age("1 minute");
  expect(await write(guest, key, "tomorrow")).not.toEqual(first);
});
