/*
 * Notes which customer Stripe made for a guest, for good: where there is one, it stays.
 */
create or replace function app_private.note_stripe_customer(user_id uuid, stripe_customer_id text)
returns text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.stripe_customers as c (user_id, stripe_customer_id)
  values (note_stripe_customer.user_id, note_stripe_customer.stripe_customer_id)
  -- The update changes nothing; it makes the row of whoever was faster come back.
  on conflict on constraint stripe_customers_pkey do update set user_id = excluded.user_id
  returning c.stripe_customer_id
$$;

grant execute on function app_private.note_stripe_customer(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.note_stripe_customer(uuid, text) is
  'Notes Stripe''s customer of a guest; returns the one that stays.';
