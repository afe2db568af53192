-- finds: app_public.users_bad(app_public.users)
create function app_public.users_bad(person app_public.users) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$ select count(*) from app_public.bookings b where b.guest_id = person.id $$;
create function app_public.users_good(person app_public.users) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$ select count(*) from app_public.bookings b where b.guest_id = person.id $$;
create function app_public.users_computed(person app_public.users) returns text language sql stable
return upper(person.display_name);
