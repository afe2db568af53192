--! Previous: sha1:94a13be313771790594ad701f95822ed95af7af7
--! Hash: sha1:80582b8a2d4f54b5253f6d18a521d69449ac26c2
--! Message: note the customer of a payment

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +2 -1   checkout/server/attach_payment_intent.sql
-- (npm run db:commit wrote these lines.)

--! Included checkout/server/attach_payment_intent.sql
/*
 * Notes which intent Stripe made for a payment; from now on the nights are freed only when Stripe
 * has said that it was not paid (end_hold). Where the booking ended while Stripe was being asked,
 * the intent is cancelled again, so that nobody pays for nothing. The booking is locked first: one
 * that ends at the same moment either sees the intent, or is seen here to have ended.
 * Locks: units, booking, then payment.
 */
create or replace function app_private.attach_payment_intent(payment_id uuid, intent_id text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select b.* into v_booking
  from app_public.payments p join app_public.bookings b on b.id = p.booking_id
  where p.id = attach_payment_intent.payment_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  update app_public.payments p
  set stripe_payment_intent_id = attach_payment_intent.intent_id,
      stripe_customer_id = app_private.stripe_customer_of(v_booking.guest_id)
  where p.id = attach_payment_intent.payment_id and p.stripe_payment_intent_id is null;
  if not found then
    return;
  end if;
  select p.* into v_payment from app_public.payments p
  where p.id = attach_payment_intent.payment_id;
  if v_payment.purpose = 'alteration' then
    perform app_hidden.follow_unpaid_alteration(v_payment, app_hidden.alteration_of(v_payment));
  elsif v_booking.status = 'pending_payment' then
    perform app_hidden.set_hold_end(v_booking, 'requires_payment');
  elsif v_booking.status in ('expired', 'cancelled', 'declined') then
    perform app_hidden.queue_intent_cancellation(attach_payment_intent.payment_id);
  end if;
end
$$;

grant execute on function app_private.attach_payment_intent(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.attach_payment_intent(uuid, text) is
  'Notes Stripe''s intent of a payment.';
--! EndIncluded checkout/server/attach_payment_intent.sql
