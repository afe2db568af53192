create or replace function app_public.sessions() returns setof app_public.session
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.id, s.user_agent, s.created_at, s.last_used_at, s.id = app_hidden.current_session_id()
  from app_private.sessions s
  where s.user_id = app_public.current_user_id() and s.ended_at is null
    and s.expires_at > app_hidden.clock()
  order by s.last_used_at desc, s.id desc
  limit 100
$$;

grant execute on function app_public.sessions() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.sessions() is
  'Where the person who asks is signed in, what was used last first; the last hundred.';
