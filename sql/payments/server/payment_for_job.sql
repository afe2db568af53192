create or replace function app_private.payment_for_job(
  payment_id uuid,
  out stripe_payment_intent_id text, out status app_public.payment_status
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.stripe_payment_intent_id, p.status
  from app_public.payments p where p.id = payment_for_job.payment_id
$$;

grant execute on function app_private.payment_for_job(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.payment_for_job(uuid) is
  'What a job needs to ask Stripe about a payment.';
