create or replace function app_hidden.queue_capture(payment_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.add_job(
    'payment__capture',
    jsonb_build_object('paymentId', payment_id),
    'payment__capture:' || payment_id,
    max_attempts => 25,
    queue_name => (
      select app_hidden.stripe_queue(p.stripe_payment_intent_id) from app_public.payments p
      where p.id = queue_capture.payment_id
    )
  )
$$;

comment on function app_hidden.queue_capture(uuid) is
  'Asks Stripe to take the money that is set aside for a payment.';
