create or replace function app_private.find_registration(token_hash bytea) returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.password_hash from app_private.registrations r
  where r.token_hash = find_registration.token_hash and r.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.find_registration(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_registration(bytea) is
  'The password hash that a confirmation is checked against; null where the token is used or too '
  'old.';
