create or replace function app_private.end_session(session_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.sessions s
  set ended_at = coalesce(s.ended_at, app_hidden.clock())
  where s.id = end_session.session_id
$$;

grant execute on function app_private.end_session(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_session(uuid) is
  'Signs a session out; its refresh tokens stop working.';
