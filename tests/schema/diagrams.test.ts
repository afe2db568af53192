/** The drawings have every table and every link that the database has, and nothing is made up. */
import { expect, test } from "@jest/globals";
import { DIAGRAMS } from "../../src/commands/shared/diagrams.ts";
import { testDatabase } from "../helpers/database.ts";

const database = testDatabase();

/** The names of what is drawn: tables, and links as `table:column->other`. */
async function drawn(...names: string[]): Promise<Set<string>> {
  const client = await database.owner.connect();
  try {
    const found = new Set<string>();
    for (const { name, write } of DIAGRAMS) {
      if (!names.includes(name)) continue;
      const svg = (await write(client)).replaceAll("&#45;&gt;", "->");
      for (const [, title = ""] of svg.matchAll(/<title>([^<]*)<\/title>/g)) found.add(title);
    }
    return found;
  } finally {
    client.release();
  }
}

const AREAS = ["listings", "bookings", "money"];

test("has every table, and every foreign key but those to currencies", async () => {
  const { rows: tables } = await database.owner.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'app_public' and table_type = 'BASE TABLE'`,
  );
  expect(tables.length).toBeGreaterThan(20);
  const areas = await drawn(...AREAS);
  expect(tables.filter(({ name }) => !areas.has(name))).toEqual([]);
  const { rows: links } = await database.owner.query<{ link: string; pair: string }>(
    `select k.conrelid::regclass || ':' || a.attname || '->' || k.confrelid::regclass as link,
       k.conrelid::regclass || '->' || k.confrelid::regclass as pair
     from pg_constraint k
     join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
     where k.contype = 'f' and k.connamespace = 'app_public'::regnamespace
       and k.confrelid not in ('app_public.currencies'::regclass,
         'app_hidden.listing_availability'::regclass)`,
  );
  expect(links.length).toBeGreaterThan(20);
  // What is behind a table that only functions see.
  expect(areas.has("calendar_claims:listing_id->listings")).toBe(true);
  const plain = links.map(({ link, pair }) => ({
    link: link.replaceAll("app_public.", ""),
    pair: pair.replaceAll("app_public.", ""),
  }));
  expect(plain.filter(({ link }) => !areas.has(link))).toEqual([]);
  const overview = await drawn("tables");
  const toItself = ({ pair }: { pair: string }): boolean => /^(\w+)->\1$/.test(pair);
  expect(plain.filter((each) => !toItself(each) && !overview.has(each.pair))).toEqual([]);
});

test("draws the same twice", async () => {
  expect(await drawn("tables")).toEqual(await drawn("tables"));
});

test("follows a change of the database, and asks where a new table belongs", async () => {
  expect((await drawn("booking")).has("confirmed->completed")).toBe(true);
  await database.owner.query(
    "delete from app_hidden.booking_transitions where to_status = 'completed'",
  );
  expect((await drawn("booking")).has("confirmed->completed")).toBe(false);

  expect((await drawn("bookings")).has("reviews:author_id->users")).toBe(true);
  await database.owner.query(
    "alter table app_public.reviews drop constraint reviews_author_id_fkey",
  );
  expect((await drawn("bookings")).has("reviews:author_id->users")).toBe(false);

  await database.owner.query("create table app_public.nobodys (id uuid primary key)");
  await expect(drawn("tables")).rejects.toThrow("nobodys");
});
