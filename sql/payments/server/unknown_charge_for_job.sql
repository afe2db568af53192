create or replace function app_private.unknown_charge_for_job(
  unknown_charge_id uuid,
  out status app_public.refund_status, out stripe_payment_intent_id text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.status, c.stripe_payment_intent_id
  from app_public.unknown_charges c where c.id = unknown_charge_for_job.unknown_charge_id
$$;

grant execute on function app_private.unknown_charge_for_job(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.unknown_charge_for_job(uuid) is
  'What a job needs to give an unknown charge back.';
