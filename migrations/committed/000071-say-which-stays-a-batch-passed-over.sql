--! Previous: sha1:37050d2a38d9a65d4cdae391c55e7752927254a6
--! Hash: sha1:ecdb720eb9360d7d1d0284d7162fc468e060a8b2
--! Message: Say which stays a batch passed over

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     bookings/internal/stay_is_over.sql
--   +3 -5   bookings/server/complete_stays.sql
--   new     bookings/server/count_stays_to_complete.sql
-- (npm run db:commit wrote these lines.)

--! Included bookings/internal/stay_is_over.sql
/*
 * Whether a stay is over where it is: from midnight of the day of check-out. Local dates differ by
 * a day at most, so the first condition is one of an index; the exact rule is the second. Inlined
 * where it is called.
 */
create or replace function app_hidden.stay_is_over(check_out date, time_zone text)
returns boolean
language sql stable parallel safe
return
  check_out <= (app_hidden.clock() + interval '1 day')::date
  and check_out <= app_hidden.local_today(time_zone);

comment on function app_hidden.stay_is_over(date, text) is
  'Whether the day of check-out has begun in the time zone of the listing.';
--! EndIncluded bookings/internal/stay_is_over.sql
--! Included bookings/server/complete_stays.sql
/*
 * Each stay is completed in a savepoint of its own: one that cannot be is reported as a warning and
 * left, and the others go on. A booking that somebody else holds is passed over. The job asks
 * count_stays_to_complete() for what is left, and comes again.
 */
create or replace function app_private.complete_stays(booking_limit integer default 500)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_id uuid;
  v_done integer := 0;
begin
  for v_booking_id in
    select b.id from app_public.bookings b
    where b.status = 'confirmed' and app_hidden.stay_is_over(b.check_out, b.time_zone)
    order by b.id
    limit complete_stays.booking_limit
    for update skip locked
  loop
    begin
      update app_public.bookings b
      set status = 'completed', status_actor = 'system', status_reason = ''
      where b.id = v_booking_id;
      -- What is checked at commit is checked here, or it would end the whole batch.
      set constraints all immediate;
      v_done := v_done + 1;
    exception
      when others then
        raise warning 'The stay of booking % was not completed: %.', v_booking_id, sqlstate;
    end;
    set constraints all deferred;
  end loop;
  return v_done;
end
$$;

grant execute on function app_private.complete_stays(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.complete_stays(integer) is
  'Completes confirmed bookings from their check-out day on; says how many.';
--! EndIncluded bookings/server/complete_stays.sql
--! Included bookings/server/count_stays_to_complete.sql
-- Counts what complete_stays() left: stays that somebody else held, or that could not be completed.
create or replace function app_private.count_stays_to_complete() returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  select count(*)
  from app_public.bookings b
  where b.status = 'confirmed' and app_hidden.stay_is_over(b.check_out, b.time_zone);
end;

grant execute on function app_private.count_stays_to_complete() to :DATABASE_AUTHENTICATOR;

comment on function app_private.count_stays_to_complete() is
  'How many confirmed bookings have their check-out day behind them or today.';
--! EndIncluded bookings/server/count_stays_to_complete.sql
