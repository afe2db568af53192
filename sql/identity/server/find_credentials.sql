create or replace function app_private.find_credentials(
  email text, out user_id uuid, out password_hash text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.user_id, s.password_hash
  from app_public.user_contacts c
  join app_private.user_secrets s on s.user_id = c.user_id
  where c.email = lower(btrim(find_credentials.email))
$$;

grant execute on function app_private.find_credentials(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_credentials(text) is
  'What a log-in is checked against; nulls where nobody has the address.';
