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
