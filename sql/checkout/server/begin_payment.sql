/*
 * The payment of a booking that waits for it: the one there is, or a new one. An intent that was
 * cancelled at Stripe starts the next attempt of the same payment. The amount is the booking's.
 * Called by the server with the guest's claims; Stripe is asked after this has committed, with the
 * payment's id and attempt as idempotency key.
 */
create or replace function app_private.begin_payment(booking_id uuid) returns app_public.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(begin_payment.booking_id);
  v_payment app_public.payments;
begin
  v_booking := app_hidden.lock_booking(v_booking.id);
  perform app_hidden.require_payable(v_booking);
  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.purpose = 'stay' and p.sequence = 1;
  if v_payment.id is null then
    insert into app_public.payments (
      booking_id, currency, amount, host_amount, platform_amount, capture_method
    )
    values (
      v_booking.id, v_booking.currency, v_booking.total_amount, v_booking.host_amount,
      v_booking.platform_amount,
      case v_booking.booking_mode when 'request' then 'manual' else 'automatic' end
        ::app_public.capture_method
    )
    returning * into v_payment;
    perform app_hidden.add_job(
      'payment__end_hold',
      jsonb_build_object('paymentId', v_payment.id),
      'payment__end_hold:' || v_payment.id,
      run_at => v_booking.hold_expires_at
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
