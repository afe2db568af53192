/*
 * Brings our payment to where Stripe's intent is, as re-fetched by the job. It may be called any
 * number of times, in any order: states only move forward, and each effect is written once.
 *
 * Money that arrived: a booking that waits becomes confirmed. A booking whose hold expired takes
 * its nights again; where that is not possible any more, the money goes back. Never neither (M6).
 * Money that was set aside: the host is asked. An intent that we have not noted is believed to be
 * ours when its metadata names our payment and it asks for that payment's amount and currency.
 * Locks: availability, then booking, then payment, then ledger accounts.
 *
 * Returns what was done: unknown, unchanged, noted, confirmed, refunding.
 */
create or replace function app_private.apply_payment_intent(
  intent_id text,
  payment_id uuid,
  intent_status text,
  received_amount bigint,
  charge_id text,
  failure_code text,
  amount bigint,
  currency text,
  authorised_until timestamptz default null
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select p.* into v_payment from app_public.payments p
  where p.stripe_payment_intent_id = apply_payment_intent.intent_id
    or (p.id = apply_payment_intent.payment_id and p.stripe_payment_intent_id is null
      and p.amount = apply_payment_intent.amount and p.currency = apply_payment_intent.currency);
  if v_payment.id is null then
    return 'unknown';
  end if;
  select b.* into v_booking from app_public.bookings b where b.id = v_payment.booking_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_payment := app_hidden.lock_payment(v_payment.id);
  -- Another intent was noted in the meantime: this one is not ours to act on.
  if v_payment.stripe_payment_intent_id <> apply_payment_intent.intent_id then
    return 'unknown';
  end if;
  -- Stripe may report before the server has noted the intent.
  update app_public.payments p
  set stripe_payment_intent_id = apply_payment_intent.intent_id,
      failure_code = coalesce(apply_payment_intent.failure_code, p.failure_code)
  where p.id = v_payment.id
  returning p.* into v_payment;

  if v_payment.status not in ('requires_payment', 'requires_action', 'processing', 'authorised')
    -- What was set aside is taken or let go of. All else is older news.
    or (v_payment.status = 'authorised'
      and apply_payment_intent.intent_status not in ('requires_capture', 'succeeded', 'canceled'))
  then
    return 'unchanged';
  end if;
  if apply_payment_intent.intent_status = 'succeeded' then
    return app_hidden.record_capture(
      v_payment, v_booking, apply_payment_intent.received_amount, apply_payment_intent.charge_id
    );
  end if;

  update app_public.payments p
  set status = case apply_payment_intent.intent_status
    when 'requires_action' then 'requires_action'
    when 'processing' then 'processing'
    when 'requires_capture' then 'authorised'
    when 'canceled' then 'cancelled'
    else 'requires_payment'
  end::app_public.payment_status,
    authorised_until = coalesce(apply_payment_intent.authorised_until, p.authorised_until)
  where p.id = v_payment.id
  returning * into v_payment;
  perform app_hidden.follow_unpaid(v_payment, v_booking);
  return 'noted';
end
$$;

grant execute on function app_private.apply_payment_intent(
  text, uuid, text, bigint, text, text, bigint, text, timestamptz
) to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_payment_intent(
  text, uuid, text, bigint, text, text, bigint, text, timestamptz
) is 'Brings a payment to where Stripe''s intent is; repeatable, in any order.';
