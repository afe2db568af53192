create or replace function app_hidden.next_attempt(payment app_public.payments)
returns app_public.payments
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.payments p
  set attempt = p.attempt + 1, status = 'requires_payment', stripe_payment_intent_id = null,
      failure_code = null
  where p.id = payment.id
  returning p.*
$$;

comment on function app_hidden.next_attempt(app_public.payments) is
  'Begins the next attempt of a payment whose intent can take no money any more.';
