/**
 * Finds indexes that a concurrent build has left invalid: they cost every write and serve no read,
 * and hide behind `if not exists`. It changes nothing.
 */
import type { ClientBase } from "pg";
import { SCHEMAS } from "./schemaDump.ts";

/** What is invalid and what to do about it; `undefined` where nothing is. */
export async function explainInvalidIndexes(client: ClientBase): Promise<string | undefined> {
  // A build that runs at the moment has an invalid index too, and a process that says so. An index
  // of a partitioned table is invalid until all its parts are attached.
  const { rows } = await client.query<{ name: string }>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name
     from pg_catalog.pg_index i
     join pg_catalog.pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where not i.indisvalid and n.nspname = any ($1::text[])
       and not exists (select from pg_catalog.pg_stat_progress_create_index p
         where p.index_relid = i.indexrelid)
     order by 1`,
    [SCHEMAS],
  );
  if (rows.length === 0) return undefined;
  const drops = rows.map(({ name }) => `drop index concurrently ${name};`).join(" ");
  return (
    `A build that was broken off has left ${rows.map(({ name }) => name).join(", ")} invalid. ` +
    `Drop it (${drops}) and run npm run db:migrate again; where the migration that makes it has ` +
    "run already, build it anew instead: reindex index concurrently <name>;"
  );
}
