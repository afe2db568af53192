/*
 * Whether the person of a session has shown who they are within the last five minutes, by signing
 * in or since then. An operator who acts as somebody never has.
 */
create or replace function app_private.is_session_proven(session_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.sessions s
    where s.id = is_session_proven.session_id and s.ended_at is null
      and s.impersonator_id is null
      and s.proven_at > app_hidden.clock() - interval '5 minutes'
  )
$$;

grant execute on function app_private.is_session_proven(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.is_session_proven(uuid) is
  'Whether the person of a session has shown who they are within the last five minutes.';
