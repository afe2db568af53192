/*
 * The guest's time to pay is over: Stripe is asked to take no more money before the nights are
 * freed. What it answers ends the booking, or confirms one that was paid in time
 * (apply_payment_intent). A payment that has no intent cannot have been paid, and ends at once.
 * Locks: units, booking.
 */
create or replace function app_private.end_hold(payment_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select p.* into v_payment from app_public.payments p where p.id = end_hold.payment_id;
  select b.* into v_booking from app_public.bookings b where b.id = v_payment.booking_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  if v_payment.purpose = 'alteration' then
    perform app_hidden.end_alteration_hold(v_payment);
    return;
  end if;
  if v_booking.status is distinct from 'pending_payment'
    or v_booking.hold_expires_at > app_hidden.clock()
  then
    return;
  end if;
  select p.* into v_payment from app_public.payments p where p.id = end_hold.payment_id;
  if v_payment.stripe_payment_intent_id is null then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The hold ended before payment.'
    where b.id = v_booking.id;
  elsif v_payment.status not in ('failed', 'cancelled') then
    perform app_hidden.queue_intent_cancellation(v_payment.id);
  end if;
end
$$;

grant execute on function app_private.end_hold(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_hold(uuid) is
  'Asks Stripe before the nights of a hold that is over are freed.';
