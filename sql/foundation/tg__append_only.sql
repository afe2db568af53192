/*
 * For tables that are evidence: no role corrects them, the owner included. A mistake is corrected
 * by another row.
 */
create or replace function app_hidden.tg__append_only() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'Rows of % are never changed or deleted; append a correction.', TG_TABLE_NAME
    using errcode = 'SBG05';
end
$$;

comment on function app_hidden.tg__append_only() is
  'Refuses every update, delete and truncate of a table.';
