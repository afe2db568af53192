/*
 * The booking of a change, for its guest or host; for all others there is no such change.
 */
create or replace function app_hidden.require_alterations_booking(alteration_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking
  from app_public.alterations a join app_public.bookings b on b.id = a.booking_id
  where a.id = require_alterations_booking.alteration_id and v_user_id in (b.guest_id, b.host_id);
  if v_booking.id is null then
    raise exception 'There is no such change.' using errcode = 'SBB13', column = 'alteration_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_alterations_booking(uuid) is
  'The booking of a change, for its guest or host; ALTERATION_NOT_FOUND otherwise.';
