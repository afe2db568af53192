/*
 * The lock on a refund. Its payment is locked first. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_refund(refund_id uuid) returns app_public.refunds
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.* from app_public.refunds r where r.id = lock_refund.refund_id for no key update
$$;

comment on function app_hidden.lock_refund(uuid) is
  'Locks a refund until commit and returns it; a null row where there is none.';
