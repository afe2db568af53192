/*
 * Whether somebody has signed in to an account from a network before: then strangers who guess
 * passwords elsewhere do not keep them out.
 */
create or replace function app_private.is_known_network(email text, network text)
returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.sessions s
    join app_public.user_contacts c on c.user_id = s.user_id
    where c.email = is_known_network.email and s.network = is_known_network.network
      -- An operator who acted as the person was somewhere else.
      and s.impersonator_id is null
  )
$$;

grant execute on function app_private.is_known_network(text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.is_known_network(text, text) is
  'Whether the account with an address was signed in to from a network before.';
