-- A person's own bookings are few: the index of a guest's bookings is enough.
create or replace function app_public.users_stays_as_guest(person app_public.users) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
  select count(*)::integer from app_public.bookings b
  where b.guest_id = person.id and b.status = 'completed' and b.no_show_at is null
$$;

grant execute on function app_public.users_stays_as_guest(app_public.users) to :DATABASE_VISITOR;

comment on function app_public.users_stays_as_guest(app_public.users) is
  'How many stays of them as guest are over; those to which they did not come do not count.';
