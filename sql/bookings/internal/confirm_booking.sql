/*
 * Confirms a booking that was paid. Where its hold is gone, the nights are taken again on any free
 * unit, if the listing is still open for bookings; false where that cannot be. Late money sells no
 * stay whose check-in has passed: a hold that is paid so late is ended here. Of a request only the
 * host's acceptance makes a sale: one whose money was taken without it is ended here, and none that
 * has ended is sold again. The caller holds the locks on the units and the booking.
 */
create or replace function app_hidden.confirm_booking(booking app_public.bookings) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_is_request boolean := booking.booking_mode = 'request';
  v_is_too_late boolean := booking.hold_expires_at <= app_hidden.clock()
    and booking.check_in < app_hidden.local_today(booking.time_zone);
begin
  if v_is_request and booking.status in ('pending_payment', 'requested') then
    update app_public.bookings b
    set status = 'cancelled', status_actor = 'system',
        status_reason = 'The money was taken before the host had accepted.'
    where b.id = booking.id;
    return false;
  elsif booking.status = 'pending_payment' and v_is_too_late then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The check-in had passed before payment.'
    where b.id = booking.id;
    return false;
  elsif booking.status = 'expired' and not v_is_request and not v_is_too_late and exists (
    select from app_public.listings l where l.id = booking.listing_id and l.status = 'published'
  ) then
    begin
      v_claim := app_hidden.claim_nights(
        booking.listing_id,
        app_hidden.claim_window(booking.check_in, booking.check_out, (
          select l.preparation_days from app_public.listings l where l.id = booking.listing_id
        )),
        'booking',
        booking_id => booking.id
      );
    exception
      when sqlstate 'SBC01' then return false;
    end;
  elsif booking.status not in ('pending_payment', 'accepted') then
    return false;
  end if;

  update app_public.bookings b
  set status = 'confirmed', status_actor = 'system', status_reason = 'Paid.',
      unit_number = coalesce(v_claim.unit_number, b.unit_number)
  where b.id = booking.id;
  return true;
end
$$;

comment on function app_hidden.confirm_booking(app_public.bookings) is
  'Confirms a paid booking; false where its nights are gone.';
