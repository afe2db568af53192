/*
 * A booking of whoever is signed in, as its guest. Its host sees it, and is told that this is the
 * guest's to do; for all others it is not there.
 */
create or replace function app_hidden.require_guest_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(require_guest_booking.booking_id);
begin
  if v_booking.guest_id <> app_hidden.require_user_id() then
    raise exception 'This is for the guest of the stay to do.'
      using errcode = 'SBG02', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_guest_booking(uuid) is
  'The booking of the guest who is signed in; BOOKING_NOT_FOUND or FORBIDDEN otherwise.';
