create or replace function app_private.complete_stays(booking_limit integer default 500) returns integer
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with due as (
    select b.id from app_public.bookings b
    where b.status = 'confirmed'
      -- Local dates differ by a day at most; the exact rule is the second condition.
      and b.check_out <= (app_hidden.clock() + interval '1 day')::date
      and b.check_out <= (app_hidden.clock() at time zone b.time_zone)::date
    order by b.id
    limit complete_stays.booking_limit
    for update skip locked
  ), done as (
    update app_public.bookings b
    set status = 'completed', status_actor = 'system', status_reason = ''
    from due where b.id = due.id
    returning b.id
  )
  select count(*)::integer from done
$$;

grant execute on function app_private.complete_stays(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.complete_stays(integer) is
  'Completes confirmed bookings from their check-out day on; says how many.';
