create or replace function app_private.purge_exports() returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.data_exports e where e.expires_at < app_hidden.clock()
$$;

grant execute on function app_private.purge_exports() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_exports() is
  'Removes documents of people who asked for their data, a day after they were written.';
