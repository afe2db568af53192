create or replace function app_hidden.require_user_id() returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_public.current_user_id();
begin
  if v_user_id is null then
    raise exception 'Sign in first.' using errcode = 'SBG01';
  end if;
  return v_user_id;
end
$$;

grant execute on function app_hidden.require_user_id() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.require_user_id() is
  'The id of who is signed in; UNAUTHENTICATED where nobody is.';
