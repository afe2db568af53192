create or replace function app_private.prove_session(session_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.sessions s set proven_at = app_hidden.clock()
  where s.id = prove_session.session_id and s.impersonator_id is null
$$;

grant execute on function app_private.prove_session(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.prove_session(uuid) is
  'Notes that the person of a session has just shown who they are.';
