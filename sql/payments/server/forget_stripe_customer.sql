create or replace function app_private.forget_stripe_customer(user_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.stripe_customers c where c.user_id = forget_stripe_customer.user_id
$$;

grant execute on function app_private.forget_stripe_customer(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.forget_stripe_customer(uuid) is
  'Notes that Stripe knows a person no longer.';
