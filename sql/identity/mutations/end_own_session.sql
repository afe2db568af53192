create or replace function app_public.end_own_session(session_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
begin
  update app_private.sessions s set ended_at = app_hidden.clock()
  where s.id = end_own_session.session_id and s.user_id = v_user_id and s.ended_at is null;
  if not found then
    raise exception 'There is no such session.' using errcode = 'SBG02', column = 'session_id';
  end if;
  return end_own_session.session_id;
end
$$;

grant execute on function app_public.end_own_session(uuid)
  to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.end_own_session(uuid) is
  'Signs the person who asks out of one of their sessions, on all servers at once.';
