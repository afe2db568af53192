/*
 * Writes the whole projection anew, in the order of the map, so that what is near is together on
 * disk. For the operator, after a change of the score or the bits; searches see the old rows until
 * it commits. What changes listings meanwhile waits, or it would write beside what this reads.
 */
create or replace function app_private.rebuild_search() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  lock table app_hidden.search_cells in share row exclusive mode;
  delete from app_hidden.search_cells;
  insert into app_hidden.search_cells
  select p.* from app_hidden.search_projection() p order by p.cell, p.score desc;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

grant execute on function app_private.rebuild_search() to :DATABASE_AUTHENTICATOR;

comment on function app_private.rebuild_search() is
  'Writes the search projection anew; says how many rows.';
