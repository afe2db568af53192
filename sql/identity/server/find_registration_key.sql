create or replace function app_private.find_registration_key(token_hash bytea) returns bytea
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.key_hash from app_private.registrations r
  where r.token_hash = find_registration_key.token_hash and r.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.find_registration_key(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_registration_key(bytea) is
  'The hash of what whoever registered was given; null where there is none, or the token is used '
  'or too old.';
