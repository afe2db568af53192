create or replace function app_private.find_identities(user_id uuid)
returns table (id uuid, issuer text, created_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select i.id, i.issuer, i.created_at from app_private.identities i
  where i.user_id = find_identities.user_id
  order by i.id
  limit 100
$$;

grant execute on function app_private.find_identities(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_identities(uuid) is
  'By which providers a person signs in, the oldest first.';
