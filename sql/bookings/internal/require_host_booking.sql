/*
 * A booking of whoever is signed in, as its host. Its guest sees it, and is told that this is the
 * host's to do; for all others it is not there.
 */
create or replace function app_hidden.require_host_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(require_host_booking.booking_id);
begin
  if v_booking.host_id <> app_hidden.require_user_id() then
    raise exception 'This is for the host of the stay to do.'
      using errcode = 'SBG02', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_host_booking(uuid) is
  'The booking of the host who is signed in; BOOKING_NOT_FOUND or FORBIDDEN otherwise.';
