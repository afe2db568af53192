/*
 * The net under the webhooks: an event that was lost, or whose job gave up, must not hold nights or
 * money for ever. Queues a look at every payment that has been open for longer than a hold lasts,
 * and again the job of every stored event that waits for longer than an hour. Both are unique by
 * their key while they wait. Returns how many were queued.
 */
create or replace function app_private.follow_stripe() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payments integer;
  v_events integer;
begin
  select count(app_hidden.add_job(
    'follow_payment', jsonb_build_object('paymentId', p.id), 'follow_payment:' || p.id,
    queue_name => app_hidden.stripe_queue(p.stripe_payment_intent_id)
  )) into v_payments
  from (
    select p.id, p.stripe_payment_intent_id from app_public.payments p
    where p.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
      and p.stripe_payment_intent_id is not null
      and p.created_at < app_hidden.clock() - interval '20 minutes'
    order by p.created_at
    limit 1000
  ) p;
  select count(app_hidden.add_job(
    'process_stripe_event', jsonb_build_object('eventId', e.id), 'stripe_event:' || e.id,
    max_attempts => 25, queue_name => app_hidden.stripe_queue(e.object_id)
  )) into v_events
  from (
    select e.id, e.object_id from app_private.stripe_events e
    where e.processed_at is null and e.received_at < app_hidden.clock() - interval '1 hour'
    order by e.received_at
    limit 1000
  ) e;
  return v_payments + v_events;
end
$$;

grant execute on function app_private.follow_stripe() to :DATABASE_AUTHENTICATOR;

comment on function app_private.follow_stripe() is
  'Queues a look at payments and events that have waited for too long; says how many.';
