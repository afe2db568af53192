/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform. One that came too late, that no
 * host accepted, or of which somebody took a part only, is kept apart in guest_payable until it has
 * gone back.
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
  v_sold boolean := false;
begin
  if record_capture.charge_id is null
    or coalesce(record_capture.received_amount, 0) not between 1 and payment.amount
  then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = record_capture.received_amount,
      captured_at = app_hidden.clock(), stripe_charge_id = record_capture.charge_id,
      failure_code = null
  where p.id = payment.id;

  if record_capture.received_amount = payment.amount then
    v_sold := app_hidden.sell_paid(payment, booking);
  elsif booking.status in ('pending_payment', 'requested', 'accepted') then
    update app_public.bookings b
    set status = 'cancelled', status_actor = 'system',
        status_reason = 'Another amount was taken than was asked for.'
    where b.id = booking.id;
  end if;
  if v_sold then
    perform app_hidden.post_ledger(
      'charge:' || record_capture.charge_id, 'charge', booking.id,
      array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('host_payable', booking.host_id, payment.currency, -payment.host_amount),
        row('platform_revenue', null, payment.currency, -payment.platform_amount)
      ]::app_hidden.ledger_posting[],
      payment_id => payment.id
    );
    return 'confirmed';
  end if;

  perform app_hidden.post_ledger(
    'charge:' || record_capture.charge_id, 'late_charge', booking.id,
    array[
      row('stripe_balance', null, payment.currency, record_capture.received_amount),
      row('guest_payable', null, payment.currency, -record_capture.received_amount)
    ]::app_hidden.ledger_posting[],
    payment_id => payment.id
  );
  if record_capture.received_amount < payment.amount then
    perform app_hidden.queue_refund(
      booking.id, record_capture.received_amount, 'not_accepted',
      'Another amount was taken than was asked for.', 'system'
    );
  elsif payment.purpose = 'alteration' then
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'late_payment',
      'The payment came after the change of the stay had ended.', 'system'
    );
  elsif booking.booking_mode = 'request' then
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'not_accepted',
      'The money was taken for a request that was not accepted, or had ended.', 'system'
    );
  else
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'late_payment', 'The payment came after the hold had expired.',
      'system'
    );
  end if;
  return 'refunding';
end
$$;

comment on function app_hidden.record_capture(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
