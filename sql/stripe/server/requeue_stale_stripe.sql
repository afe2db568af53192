/*
 * The net under the webhooks: an event that was lost, or whose job gave up, must not hold nights or
 * money for ever. Queues a look at every payment of the last month that has been open for longer
 * than a hold lasts, at every refund that has been for longer than an hour, and again the job of
 * every stored event that waits for so long. A job that still has attempts left is let alone.
 * Returns how many were queued.
 */
create or replace function app_private.requeue_stale_stripe() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payments integer;
  v_refunds integer;
  v_events integer;
begin
  select count(app_hidden.add_job(
    'payment__sync', jsonb_build_object('paymentId', p.id), 'payment__sync:' || p.id,
    queue_name => app_hidden.stripe_queue(p.stripe_payment_intent_id)
  )) into v_payments
  from (
    select p.id, p.stripe_payment_intent_id from app_public.payments p
    where p.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
      and p.stripe_payment_intent_id is not null
      and p.created_at between app_hidden.clock() - interval '30 days'
        and app_hidden.clock() - interval '20 minutes'
      and not app_hidden.job_is_pending('payment__sync:' || p.id)
    order by p.created_at
    limit 1000
  ) p;
  select count(app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', r.id), 'refund:' || r.id, max_attempts => 25
  )) into v_refunds
  from (
    select r.id from app_public.refunds r
    where r.status in ('requested', 'pending')
      and r.created_at between app_hidden.clock() - interval '30 days'
        and app_hidden.clock() - interval '1 hour'
      and not app_hidden.job_is_pending('refund:' || r.id)
    order by r.created_at
    limit 1000
  ) r;
  select count(app_hidden.add_job(
    'stripe__process_event', jsonb_build_object('eventId', e.id), 'stripe_event:' || e.id,
    max_attempts => 25, queue_name => app_hidden.stripe_queue(e.object_id)
  )) into v_events
  from (
    select e.id, e.object_id from app_private.stripe_events e
    where e.processed_at is null and e.received_at < app_hidden.clock() - interval '1 hour'
      and not app_hidden.job_is_pending('stripe_event:' || e.id)
    order by e.received_at
    limit 1000
  ) e;
  return v_payments + v_refunds + v_events;
end
$$;

grant execute on function app_private.requeue_stale_stripe() to :DATABASE_AUTHENTICATOR;

comment on function app_private.requeue_stale_stripe() is
  'Queues a look at payments, refunds and events that have waited for too long; says how many.';
