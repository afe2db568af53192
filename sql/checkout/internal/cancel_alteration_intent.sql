create or replace function app_hidden.cancel_alteration_intent(alteration app_public.alterations)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.queue_intent_cancellation(p.id)
  from app_public.payments p
  where p.booking_id = alteration.booking_id and p.purpose = 'alteration'
    and p.sequence = alteration.sequence and p.stripe_payment_intent_id is not null
    and p.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
$$;

comment on function app_hidden.cancel_alteration_intent(app_public.alterations) is
  'Asks Stripe to take no more money for a change that has ended.';
