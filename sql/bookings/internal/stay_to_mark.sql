/*
 * A sold stay of its guest or its host, locked, for what somebody says of it: from a local day on,
 * until two days after check-out, for who has left writes it down the day after. Locks: the
 * booking.
 */
create or replace function app_hidden.stay_to_mark(booking_id uuid, first_day integer)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(stay_to_mark.booking_id);
  v_today date;
begin
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_today := app_hidden.local_today(v_booking.time_zone);
  if v_booking.status not in ('confirmed', 'completed') then
    raise exception 'This is said of a stay that is sold; this one is %.', v_booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if v_today < v_booking.check_in + stay_to_mark.first_day then
    raise exception 'There it is % now; this is said from % on.',
      v_today, v_booking.check_in + stay_to_mark.first_day
      using errcode = 'SBB14', column = 'booking_id';
  end if;
  if v_today > v_booking.check_out + 2 then
    raise exception 'There it is % now; this was said until %.',
      v_today, v_booking.check_out + 2
      using errcode = 'SBB14', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.stay_to_mark(uuid, integer) is
  'A sold stay, locked, in the days in which arriving and leaving are noted.';
