/*
 * The net under the webhooks: an event that was lost, or whose job gave up, must not hold nights or
 * money for ever. Queues a look at every payment of the last month that has been open for longer
 * than a hold lasts, at every refund that has been for longer than an hour, and again the job of
 * every stored event that waits for so long. A job that still has attempts left is let alone. What
 * was looked at longest ago comes first: a thousand that never come to an end starve nothing.
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
  with stale as (
    update app_public.payments p set asked_at = app_hidden.clock()
    where p.id = any (array(
      select o.id from app_public.payments o
      where o.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
        and o.stripe_payment_intent_id is not null
        and o.created_at between app_hidden.clock() - interval '30 days'
          and app_hidden.clock() - interval '20 minutes'
        and not app_hidden.job_is_pending('payment__sync:' || o.id)
      order by coalesce(o.asked_at, o.created_at)
      limit 1000
    ))
    returning p.id, p.stripe_payment_intent_id
  )
  select count(app_hidden.add_job(
    'payment__sync', jsonb_build_object('paymentId', s.id), 'payment__sync:' || s.id,
    queue_name => app_hidden.stripe_queue(s.stripe_payment_intent_id)
  )) into v_payments from stale s;
  with stale as (
    update app_public.refunds r set asked_at = app_hidden.clock()
    where r.id = any (array(
      select o.id from app_public.refunds o
      where o.status in ('requested', 'pending')
        and o.created_at between app_hidden.clock() - interval '30 days'
          and app_hidden.clock() - interval '1 hour'
        and not app_hidden.job_is_pending('refund:' || o.id)
      order by coalesce(o.asked_at, o.created_at)
      limit 1000
    ))
    returning r.id
  )
  select count(app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', s.id), 'refund:' || s.id, max_attempts => 25
  )) into v_refunds from stale s;
  with stale as (
    update app_private.stripe_events e set asked_at = app_hidden.clock()
    where e.id = any (array(
      select o.id from app_private.stripe_events o
      where o.processed_at is null and o.received_at < app_hidden.clock() - interval '1 hour'
        and not app_hidden.job_is_pending('stripe_event:' || o.id)
      order by coalesce(o.asked_at, o.received_at)
      limit 1000
    ))
    returning e.id, e.object_id
  )
  select count(app_hidden.add_job(
    'stripe__process_event', jsonb_build_object('eventId', s.id), 'stripe_event:' || s.id,
    max_attempts => 25, queue_name => app_hidden.stripe_queue(s.object_id)
  )) into v_events from stale s;
  return v_payments + v_refunds + v_events;
end
$$;

grant execute on function app_private.requeue_stale_stripe() to :DATABASE_AUTHENTICATOR;

comment on function app_private.requeue_stale_stripe() is
  'Queues a look at payments, refunds and events that have waited for too long; says how many.';
