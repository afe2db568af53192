/*
 * What a profile says of stays is counted when it is asked for: an index has these bookings alone,
 * by host, so the cost is that of the host's own stays. A count of others' bookings is all that
 * anybody learns, hence the definer.
 */
create or replace function app_public.users_stays_hosted(person app_public.users) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
  select count(*)::integer from app_public.bookings b
  where b.host_id = person.id and b.status = 'completed' and b.no_show_at is null
$$;

grant execute on function app_public.users_stays_hosted(app_public.users) to :DATABASE_VISITOR;

comment on function app_public.users_stays_hosted(app_public.users) is
  'How many stays with them as host are over; those to which nobody came do not count.';
