/*
 * A booking of whoever is signed in, as its guest. Its host sees it, and is told that this is the
 * guest's to do; for all others it is not there. Nothing is locked: nobody holds up a booking that
 * is not theirs.
 */
create or replace function app_hidden.require_guest_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = require_guest_booking.booking_id and v_user_id in (b.guest_id, b.host_id);
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  if v_booking.guest_id <> v_user_id then
    raise exception 'This is for the guest of the stay to do.'
      using errcode = 'SBG02', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_guest_booking(uuid) is
  'The booking of the guest who is signed in; BOOKING_NOT_FOUND or FORBIDDEN otherwise.';
