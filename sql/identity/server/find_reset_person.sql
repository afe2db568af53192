create or replace function app_private.find_reset_person(token_hash bytea) returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.user_id
  from app_private.one_time_tokens t
  join app_public.user_contacts c on c.email = t.email
  where t.token_hash = find_reset_person.token_hash and t.purpose = 'reset_password'
    and t.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.find_reset_person(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_reset_person(bytea) is
  'Whose password a mailed link resets; null where the link is used or too old.';
