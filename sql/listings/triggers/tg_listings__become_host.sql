create or replace function app_hidden.tg_listings__become_host() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.users u set host_since = app_hidden.clock()
  where u.id = NEW.host_id and u.host_since is null;
  return null;
end
$$;

create or replace trigger _500_become_host
  after insert on app_public.listings
  for each row execute function app_hidden.tg_listings__become_host();

comment on function app_hidden.tg_listings__become_host() is
  'The first listing makes a person a host.';
