/*
 * The checks that must find nothing, for the operator and the tests: what is wrong with the ledger,
 * by name, booking and amount.
 */
create or replace function app_private.ledger_drift()
returns table (finding text, booking_id uuid, id uuid, currency text, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from app_hidden.ledger_transaction_faults()
  union all
  select * from app_hidden.ledger_booking_faults()
$$;

grant execute on function app_private.ledger_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.ledger_drift() is
  'What is wrong with the ledger; nothing, or something is broken.';
