create or replace function app_private.find_one_time_token(token_hash bytea, purpose text)
returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.one_time_tokens t
    where t.token_hash = find_one_time_token.token_hash
      and t.purpose = find_one_time_token.purpose::app_private.one_time_purpose
      and t.expires_at > app_hidden.clock()
  )
$$;

grant execute on function app_private.find_one_time_token(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_one_time_token(bytea, text) is
  'Whether a mailed link is still good for its purpose.';
