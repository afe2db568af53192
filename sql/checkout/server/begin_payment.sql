/*
 * The payment of a booking that waits for it: the one there is, or a new one. The amount is the
 * booking's. Called by the server with the guest's claims; Stripe is asked after this has
 * committed, with the payment's id as idempotency key.
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
  if v_booking.status in ('confirmed', 'completed') then
    raise exception 'This booking is paid.' using errcode = 'SBB06';
  end if;
  if v_booking.status = 'expired'
    or (v_booking.status = 'pending_payment' and v_booking.hold_expires_at <= app_hidden.clock())
  then
    raise exception 'The hold has expired; ask for a new quote.' using errcode = 'SBB07';
  end if;
  if v_booking.status in ('requested', 'accepted') then
    raise exception 'The money for this booking is set aside; the host is asked.'
      using errcode = 'SBB06';
  end if;
  if v_booking.status <> 'pending_payment' then
    raise exception 'A booking that is % cannot be paid.', v_booking.status using errcode = 'SBB06';
  end if;

  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.status not in ('failed', 'cancelled');
  if v_payment.id is null then
    insert into app_public.payments (booking_id, currency, amount, capture_method)
    values (
      v_booking.id, v_booking.currency, v_booking.total_amount,
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
  end if;
  return v_payment;
end
$$;

grant execute on function app_private.begin_payment(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_payment(uuid) is
  'The live payment of a booking of whoever is signed in; made when first asked for.';
