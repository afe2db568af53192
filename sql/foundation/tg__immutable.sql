/*
 * For tables that are evidence: no role corrects a row, the owner included. A mistake is corrected
 * by another row. Each table says by its trigger whether rows may be deleted.
 */
create or replace function app_hidden.tg__immutable() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'A row of % is never %; write another row that corrects it.', TG_TABLE_NAME,
    case TG_OP when 'UPDATE' then 'changed' else 'deleted' end
    using errcode = 'SBG05';
end
$$;

comment on function app_hidden.tg__immutable() is 'Refuses to change or delete a row.';
