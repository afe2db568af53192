/**
 * Writes what a client is told when a constraint of ours refuses a row, out of the catalogue of a
 * live database: the code and the sentence of its comment, and the columns that it is about; of a
 * domain, all that have it. A lint sees to it that each constraint that a client can meet has such
 * a comment.
 */
import type { ClientBase } from "pg";
import { SCHEMAS } from "./schemaDump.ts";

/** The whole file, by constraint; the same schema always gives the same text. */
export async function constraintsFile(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ text: string }>(CONSTRAINTS, [SCHEMAS]);
  return `{\n${rows.map(({ text }) => `  ${text}`).join(",\n")}\n}\n`;
}

/**
 * The name of a constraint says table and claim, so it is known by it alone. What a foreign key of
 * the API has to say is always the same.
 */
const CONSTRAINTS = `
  select format(
    '%s: { "code": %s, "message": %s, "columns": %s }',
    to_json(k.conname::text), to_json(rule[1]), to_json(rule[2]),
    coalesce(
      (select json_agg(a.attname order by n.position)
        from unnest(k.conkey) with ordinality n (attnum, position)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n.attnum)::text,
      (select json_agg(distinct a.attname)
        from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
        where a.atttypid = k.contypid and k.contypid <> 0)::text,
      '[]')
  ) as text
  from pg_constraint k
  join pg_namespace s on s.oid = k.connamespace and s.nspname = any ($1)
  left join pg_description d on d.objoid = k.oid and d.classoid = 'pg_constraint'::regclass
  cross join lateral regexp_match(
    coalesce(d.description, 'INVALID_INPUT: There is nothing with this key.'),
    '^([A-Z_]+): (.+)$') rule
  where d.description is not null or k.contype = 'f' and s.nspname = 'app_public'
  order by k.conname collate "C"`;
