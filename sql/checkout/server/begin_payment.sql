/*
 * The payment that a booking waits for, of the stay or of an accepted change: the one there is, or
 * a new one. An intent that was cancelled at Stripe starts the next attempt of the same payment.
 * The amount is read from the booking or the change. Called by the server with the guest's claims;
 * Stripe is asked after this has committed, with the payment's id and attempt as idempotency key.
 */
create or replace function app_private.begin_payment(booking_id uuid) returns app_public.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(begin_payment.booking_id);
  v_alteration app_public.alterations;
  v_due record;
  v_payment app_public.payments;
begin
  v_booking := app_hidden.lock_booking(v_booking.id);
  select a.* into v_alteration from app_public.alterations a
  where a.booking_id = v_booking.id and a.status = 'accepted'
    and a.expires_at > app_hidden.clock() and v_booking.status = 'confirmed';
  if v_alteration.id is null then
    perform app_hidden.require_payable(v_booking);
  end if;
  v_due := app_hidden.payment_due(v_booking, v_alteration);
  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.purpose = v_due.purpose
    and p.sequence = v_due.sequence;
  if v_payment.id is null then
    insert into app_public.payments (
      booking_id, purpose, sequence, currency, amount, host_amount, platform_amount,
      capture_method
    )
    values (
      v_booking.id, v_due.purpose, v_due.sequence, v_booking.currency,
      v_due.host_amount + v_due.platform_amount, v_due.host_amount, v_due.platform_amount,
      v_due.capture_method
    )
    returning * into v_payment;
    perform app_hidden.add_job(
      'payment__end_hold',
      jsonb_build_object('paymentId', v_payment.id),
      'payment__end_hold:' || v_payment.id,
      run_at => v_due.expires_at
    );
  elsif v_payment.status in ('failed', 'cancelled') then
    v_payment := app_hidden.next_attempt(v_payment);
  end if;
  return v_payment;
end
$$;

grant execute on function app_private.begin_payment(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_payment(uuid) is
  'The live payment of a booking of whoever is signed in; made when first asked for.';
