-- A truncate fires no row trigger: what those guard or count would be passed over.
create or replace function app_hidden.tg__no_truncate() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'The table % is never truncated.', TG_TABLE_NAME using errcode = 'SBG05';
end
$$;

comment on function app_hidden.tg__no_truncate() is 'Refuses to truncate a table.';
