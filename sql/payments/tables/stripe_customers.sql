/*
 * Who a guest is to Stripe. A card that was paid with once can be charged again, without the guest,
 * only where the first intent had its customer.
 */
create table if not exists app_private.stripe_customers (
  user_id uuid constraint stripe_customers_pkey primary key
    constraint stripe_customers_user_id_fkey references app_public.users on delete cascade,
  stripe_customer_id text not null,
  created_at timestamptz not null default app_hidden.clock(),

  constraint stripe_customers_stripe_customer_id_key unique (stripe_customer_id)
);

alter table app_private.stripe_customers enable row level security;
alter table app_private.stripe_customers force row level security;

comment on table app_private.stripe_customers is 'Who a guest is to Stripe.';
