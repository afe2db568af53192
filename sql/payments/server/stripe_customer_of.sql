create or replace function app_private.stripe_customer_of(user_id uuid) returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.stripe_customer_id from app_private.stripe_customers c
  where c.user_id = stripe_customer_of.user_id
$$;

grant execute on function app_private.stripe_customer_of(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.stripe_customer_of(uuid) is
  'Stripe''s customer of a person; null where there is none yet.';
