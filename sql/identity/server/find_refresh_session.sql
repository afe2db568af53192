create or replace function app_private.find_refresh_session(token_hash bytea) returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.session_id from app_private.refresh_tokens t
  where t.token_hash = find_refresh_session.token_hash
$$;

grant execute on function app_private.find_refresh_session(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_refresh_session(bytea) is
  'The session a refresh token belongs to, or null.';
