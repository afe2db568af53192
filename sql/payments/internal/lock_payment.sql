/*
 * The lock on a payment. Its booking is locked first. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_payment(payment_id uuid) returns app_public.payments
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.* from app_public.payments p where p.id = lock_payment.payment_id for no key update
$$;

comment on function app_hidden.lock_payment(uuid) is
  'Locks a payment until commit and returns it; a null row where there is none.';
