-- finds: app_public.bad_verb()
create function app_public.bad_verb() returns int language sql volatile
set search_path = pg_catalog, pg_temp
as $$ select 1 $$;
revoke execute on function app_public.bad_verb() from public;
grant execute on function app_public.bad_verb() to :DATABASE_OPERATOR;
