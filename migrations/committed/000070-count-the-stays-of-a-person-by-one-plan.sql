--! Previous: sha1:d09be61269d15530d9067fef73dd911ed73cd2bb
--! Hash: sha1:37050d2a38d9a65d4cdae391c55e7752927254a6
--! Message: Count the stays of a person by one plan

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +1 -0   bookings/computed/users_stays_hosted.sql
--   +1 -0   bookings/computed/users_stays_as_guest.sql
--   +1 -0   bookings/computed/users_response_rate.sql
-- (npm run db:commit wrote these lines.)

--! Included bookings/computed/users_stays_hosted.sql
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
--! EndIncluded bookings/computed/users_stays_hosted.sql
--! Included bookings/computed/users_stays_as_guest.sql
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
--! EndIncluded bookings/computed/users_stays_as_guest.sql
--! Included bookings/computed/users_response_rate.sql
/*
 * How many requests of the last year a host has answered, of those that were theirs to answer to
 * the end: one that the guest, the operator or the bank took back is left out, and so is one that
 * is open. A no is an answer. Requests end after 24 hours at most, so an answer is one within that
 * time. Below five the rate would say what became of a single one. The hundred newest are enough,
 * and bound the cost.
 */
create or replace function app_public.users_response_rate(person app_public.users) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
  select case when count(*) >= 5 then
    round(100.0 * count(*) filter (where e.to_status <> 'expired') / count(*))::integer
  end
  from (
    select b.id, b.answer_due_at from app_public.bookings b
    where b.host_id = person.id and b.answer_due_at > app_hidden.clock() - interval '1 year'
    order by b.answer_due_at desc limit 100
  ) asked
  join app_public.booking_events e on e.booking_id = asked.id
    and e.from_status = 'requested'
    and (
      e.to_status in ('accepted', 'declined')
      or e.to_status = 'expired' and e.created_at >= asked.answer_due_at
    )
$$;

grant execute on function app_public.users_response_rate(app_public.users) to :DATABASE_VISITOR;

comment on function app_public.users_response_rate(app_public.users) is
  'Percent of the booking requests of the last year that they answered within 24 hours, as host; '
  'null below five.';
--! EndIncluded bookings/computed/users_response_rate.sql
