create or replace function app_hidden.queue_intent_cancellation(payment_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.add_job(
    'payment__cancel_intent',
    jsonb_build_object('paymentId', payment_id),
    'payment__cancel_intent:' || payment_id,
    queue_name => (
      select app_hidden.stripe_queue(p.stripe_payment_intent_id) from app_public.payments p
      where p.id = queue_intent_cancellation.payment_id
    )
  )
$$;

comment on function app_hidden.queue_intent_cancellation(uuid) is
  'Asks Stripe to take no more money for a payment.';
