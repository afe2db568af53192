/*
 * A guest changes their mind before paying; a booking that is paid does not end here. Locks: the
 * units, then the booking.
 */
create or replace function app_public.cancel_hold(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(cancel_hold.booking_id);
begin
  perform app_hidden.lock_units(v_booking.listing_id);
  update app_public.bookings b
  set status = 'cancelled', status_actor = 'guest', status_reason = 'Cancelled before payment.'
  where b.id = v_booking.id and b.status = 'pending_payment'
    and not exists (
      select from app_public.calendar_claims c where c.booking_id = b.id and c.expires_at is null
    )
  returning * into v_booking;
  if not found then
    raise exception 'Only a booking that waits for payment can be given up.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

grant execute on function app_public.cancel_hold(uuid) to :DATABASE_VISITOR;

comment on function app_public.cancel_hold(uuid) is
  'Gives up a booking that waits for payment and frees its nights.';
