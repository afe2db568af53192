/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform; one that came too late is kept
 * apart in guest_payable until it has gone back.
 */
create or replace function app_hidden.record_capture(
  payment app_public.payments,
  booking app_public.bookings,
  received_amount bigint,
  charge_id text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_sold boolean;
begin
  if record_capture.received_amount is distinct from payment.amount
    or record_capture.charge_id is null
  then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = record_capture.received_amount,
      stripe_charge_id = record_capture.charge_id, failure_code = null
  where p.id = payment.id;

  v_sold := app_hidden.confirm_booking(booking);
  perform app_hidden.post_ledger(
    'charge:' || record_capture.charge_id,
    case when v_sold then 'charge' else 'late_charge' end,
    booking.id,
    case when v_sold
      then array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('host_payable', booking.host_id, payment.currency, -booking.host_amount),
        row('platform_revenue', null, payment.currency, -booking.platform_amount)
      ]::app_hidden.ledger_posting[]
      else array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('guest_payable', null, payment.currency, -payment.amount)
      ]::app_hidden.ledger_posting[]
    end
  );

  if v_sold then
    return 'confirmed';
  end if;

  perform app_hidden.queue_refund(
    booking.id, payment.amount, 'late_payment', 'The payment came after the hold had expired.',
    'system'
  );
  return 'refunding';
end
$$;

comment on function app_hidden.record_capture(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
