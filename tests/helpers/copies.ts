/** Copies of rows, for tests that need many. */
import type pg from "pg";

/**
 * Copies the first row of a table that fits, `count` times.
 * @param client whose session writes without triggers, where they would not let it
 * @param set values of the copies by column, as pairs of jsonb_build_object in SQL; `n` counts them
 */
export async function copyRow(
  client: pg.ClientBase,
  table: string,
  where: string,
  count: number,
  set: string,
): Promise<void> {
  const { rows } = await client.query<{ columns: string }>(
    `select string_agg(quote_ident(attname), ', ' order by attnum) as columns
     from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  );
  const columns = rows[0]?.columns ?? "";
  await client.query(
    `insert into ${table} (${columns})
     select ${columns.replaceAll(/(^|, )/g, "$1made.")}
     from ${table} one, generate_series(1, ${count}) n,
       jsonb_populate_record(one, jsonb_build_object('n', n, ${set})) made
     where one.ctid = (select ctid from ${table} where ${where} limit 1)`,
  );
}
