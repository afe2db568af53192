create or replace function app_private.refund_for_job(
  refund_id uuid,
  out status app_public.refund_status, out amount bigint, out stripe_payment_intent_id text,
  out stripe_refund_id text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.status, r.amount, p.stripe_payment_intent_id, r.stripe_refund_id
  from app_public.refunds r join app_public.payments p on p.id = r.payment_id
  where r.id = refund_for_job.refund_id
$$;

grant execute on function app_private.refund_for_job(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.refund_for_job(uuid) is
  'What a job needs to ask Stripe for a refund.';
