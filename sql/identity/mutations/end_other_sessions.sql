create or replace function app_public.end_other_sessions() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return app_hidden.end_sessions(
    app_hidden.require_user_id(), app_hidden.current_session_id()
  );
end
$$;

grant execute on function app_public.end_other_sessions()
  to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.end_other_sessions() is
  'Signs the person who asks out everywhere else; says of how many sessions.';
