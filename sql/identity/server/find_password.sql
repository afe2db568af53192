create or replace function app_private.find_password(
  user_id uuid, out password_hash text, out email text, out display_name text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.password_hash, c.email, u.display_name
  from app_public.users u
  join app_public.user_contacts c on c.user_id = u.id
  left join app_private.user_secrets s on s.user_id = u.id
  where u.id = find_password.user_id
$$;

grant execute on function app_private.find_password(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_password(uuid) is
  'What the password of somebody who is signed in is checked against, and a new one compared with.';
