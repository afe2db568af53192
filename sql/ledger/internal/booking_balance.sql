create or replace function app_hidden.booking_balance(
  booking_id uuid, kind app_public.ledger_account_kind
) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(-sum(e.amount), 0)::bigint
  from app_public.ledger_transactions t
  join app_public.ledger_entries e on e.transaction_id = t.id
  join app_public.ledger_accounts a on a.id = e.account_id
  where t.booking_id = booking_balance.booking_id and a.kind = booking_balance.kind
$$;

comment on function app_hidden.booking_balance(uuid, app_public.ledger_account_kind) is
  'What the accounts of that kind hold of a booking, in minor units; what we owe is positive.';
