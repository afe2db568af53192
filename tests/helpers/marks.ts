/**
 * Writes a word into everything that can hold one, of all rows that hang on a person, and says
 * where it still is. What can hold a word the catalog knows, so a new column is marked by itself.
 */
import pg from "pg";
import type { TestDatabase } from "./database.ts";

/** No word of ours; its bytes are looked for as well. */
export const MARK = "zqmark";
export const MARK_HEX = Buffer.from(MARK).toString("hex");

interface Column {
  readonly table: string;
  readonly name: string;
  readonly kind: "text" | "texts" | "json" | "bytes";
}

/** What a column may want of a word; the first that it takes is written. */
const SHAPES: Readonly<Record<Column["kind"], readonly string[]>> = {
  text: ["M", "M@example.com", "$argon2id$M", "https://M.example", "evt_M"],
  texts: ["{M}"],
  json: ['{"M": "M"}'],
  bytes: ["M"],
};

const COLUMNS = `
  select format('%I.%I', n.nspname, c.relname) as "table", a.attname as name,
    case
      when t.typname in ('json', 'jsonb') then 'json'
      when t.typname = 'bytea' then 'bytes'
      when t.typcategory = 'A' then 'texts'
      else 'text'
    end as kind
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
  join pg_namespace n on n.oid = c.relnamespace and n.nspname like 'app\\_%'
  join pg_type d on d.oid = a.atttypid
  join pg_type t on t.oid = coalesce(nullif(d.typbasetype, 0), d.oid)
  where a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and t.typname in ('text', 'varchar', 'citext', '_text', 'json', 'jsonb', 'bytea')
    and not exists (
      select from pg_constraint k
      where k.contype = 'f' and (
        (k.conrelid = c.oid and a.attnum = any (k.conkey))
        or (k.confrelid = c.oid and a.attnum = any (k.confkey))
      )
    )
  order by 1, 2`;

/** Foreign keys by their column that is an id. */
const KEYS = `
  select k.conrelid::regclass::text as child, a.attname as child_column,
    k.confrelid::regclass::text as parent, f.attname as parent_column
  from pg_constraint k
  cross join lateral unnest(k.conkey, k.confkey) u (child, parent)
  join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.child
  join pg_attribute f on f.attrelid = k.confrelid and f.attnum = u.parent
  where k.contype = 'f' and a.atttypid = 'uuid'::regtype
    and k.connamespace::regnamespace::text like 'app\\_%'`;

interface Key {
  readonly child: string;
  readonly child_column: string;
  readonly parent: string;
  readonly parent_column: string;
}

export async function asSuperuser<T>(
  database: TestDatabase,
  fn: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: database.rootUrl });
  await client.connect();
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

/** By table, the condition of all rows that hang on a person. */
export async function rowsOf(
  database: TestDatabase,
  userId: string,
): Promise<ReadonlyMap<string, string>> {
  return asSuperuser(database, async (client) => {
    const { rows: keys } = await client.query<Key>(KEYS);
    const conditions = new Map([["app_public.users", new Set([`id = '${userId}'`])]]);
    for (let grown = true; grown; ) {
      grown = false;
      for (const { child, child_column, parent, parent_column } of keys) {
        const known = conditions.get(parent);
        if (known === undefined) continue;
        const { rows } = await client.query<{ id: string }>(
          `select distinct ${parent_column} as id from ${parent}
           where (${[...known].join(" or ")}) and ${parent_column} is not null order by 1`,
        );
        if (rows.length === 0) continue;
        const ids = rows.map(({ id }) => `'${id}'`).join(", ");
        const condition = `${child_column} in (${ids})`;
        const found = conditions.get(child) ?? new Set();
        if (found.has(condition)) continue;
        conditions.set(child, found.add(condition));
        grown = true;
      }
    }
    return new Map([...conditions].map(([table, all]) => [table, [...all].join(" or ")]));
  });
}

/** Marks what hangs on a person, and all of some tables; says which columns took it. */
export async function markEverything(
  database: TestDatabase,
  userId: string,
  wholeTables: readonly string[],
): Promise<string[]> {
  const conditions = new Map(await rowsOf(database, userId));
  for (const table of wholeTables) conditions.set(table, "true");
  return asSuperuser(database, async (client) => {
    const { rows: columns } = await client.query<Column>(COLUMNS);
    const marked: string[] = [];
    for (const column of columns) {
      const condition = conditions.get(column.table);
      if (condition === undefined) continue;
      if (await mark(client, column, condition, userId)) {
        marked.push(`${column.table}.${column.name}`);
      }
    }
    return marked;
  });
}

/** What is the other side's in a row that is of both. */
const OWN: Readonly<Record<string, (userId: string) => string>> = {
  "app_public.bookings.idempotency_key": (userId) => `guest_id = '${userId}'`,
  "app_public.bookings.house_rules": (userId) => `host_id = '${userId}'`,
  "app_public.calendar_claims.note": (userId) =>
    `listing_id in (select id from app_public.listings where host_id = '${userId}')`,
};

/** Without the triggers, for some columns never change; but in keeping with the constraints. */
async function mark(
  client: pg.Client,
  { table, name, kind }: Column,
  condition: string,
  userId: string,
): Promise<boolean> {
  const own = OWN[`${table}.${name}`]?.(userId) ?? "true";
  for (const shape of SHAPES[kind]) {
    const word = `'${shape}' || row_number() over ()`;
    const text = `replace(${shape.endsWith("M") ? word : `'${shape}'`}, 'M', '${MARK}')`;
    const value = kind === "bytes" ? `convert_to(rpad(${text}, 64, 'x'), 'UTF8')` : `${text}::text`;
    for (const length of kind === "bytes" ? [32, 64] : [0]) {
      await client.query("begin");
      try {
        await client.query("set local session_replication_role = replica");
        const type = { text: "text", texts: "text[]", json: "jsonb", bytes: "bytea" }[kind];
        const cut = length === 0 ? value : `substr(${value}, 1, ${length})`;
        const { rowCount } = await client.query(
          `update ${table} t set ${name} = m.value::${type}
           from (
             select ctid as place, ${cut} as value from ${table} where (${condition}) and ${own}
           ) m
           where t.ctid = m.place`,
        );
        await client.query("commit");
        return (rowCount ?? 0) > 0;
      } catch {
        await client.query("rollback");
      }
    }
  }
  return false;
}

/** The columns of all tables, the queue's as well, in which one of the words is. */
export async function columnsWith(
  client: pg.ClientBase,
  words: readonly string[],
): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     where c.relkind in ('r', 'p')
       and c.relnamespace::regnamespace::text ~ '^(app_.*|graphile_worker)$'
     order by 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query<{ key: string }>(
      `select distinct e.key from ${name} t, jsonb_each_text(to_jsonb(t)) e
       where e.value ilike any ($1) order by 1`,
      [words.map((word) => `%${word}%`)],
    );
    found.push(...rows.map(({ key }) => `${name}.${key}`));
  }
  return found;
}
