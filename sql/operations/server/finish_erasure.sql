-- Says whether the person was erased at all: a job may be older than a restored backup.
create or replace function app_private.finish_erasure(user_id uuid) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_private.erasures e where e.user_id = finish_erasure.user_id
  ) then
    return false;
  end if;
  perform app_hidden.lock_person(finish_erasure.user_id);
  perform app_hidden.erase_data(finish_erasure.user_id);
  return true;
end
$$;

grant execute on function app_private.finish_erasure(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.finish_erasure(uuid) is
  'Erases what a former member has written while their sessions ended; false for who is none.';
