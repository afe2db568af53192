create or replace function app_public.me() returns app_public.users
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select u.* from app_public.users u where u.id = app_public.current_user_id()
$$;

grant execute on function app_public.me() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.me() is 'Who is signed in, or null.';
