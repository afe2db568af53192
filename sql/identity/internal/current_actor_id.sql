create or replace function app_hidden.current_actor_id() returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (
      select s.impersonator_id from app_private.sessions s
      where s.id = app_hidden.current_session_id()
    ),
    app_public.current_user_id()
  )
$$;

comment on function app_hidden.current_actor_id() is
  'Who acts: who is signed in, or the operator who acts as them; null where nobody is.';
