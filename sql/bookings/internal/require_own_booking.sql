/*
 * A booking of whoever is signed in, as its guest or its host; for all others it is not there.
 * Nothing is locked: nobody holds up a booking that is not theirs.
 */
create or replace function app_hidden.require_own_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = require_own_booking.booking_id and v_user_id in (b.guest_id, b.host_id);
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_own_booking(uuid) is
  'The booking of the guest or host who is signed in; BOOKING_NOT_FOUND otherwise.';
