-- finds: app_public.bad_bare()
-- finds: app_public.bad_invoker()
-- finds: app_public.bad_path()
create function app_public.bad_bare() returns int language sql security definer return 1;
create function app_public.bad_path() returns int language sql security definer
  set search_path = app_public, pg_catalog return 1;
create function app_public.bad_invoker() returns int language sql set search_path = public return 1;
create function app_public.good() returns int language sql security definer
  set search_path = pg_catalog, pg_temp return 1;
