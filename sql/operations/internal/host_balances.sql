create or replace function app_hidden.host_balances(
  user_id uuid, out is_owed boolean, out owes boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(bool_or(b.kind = 'host_payable' and b.amount <> 0), false),
    coalesce(bool_or(b.kind = 'host_receivable' and b.amount <> 0), false)
  from (
    select a.kind, sum(e.amount) as amount
    from app_public.ledger_accounts a
    join app_public.ledger_entries e on e.account_id = a.id and e.currency = a.currency
    where a.user_id = host_balances.user_id
    group by a.id
  ) b
$$;

comment on function app_hidden.host_balances(uuid) is
  'Whether the ledger owes a host anything, and whether the host owes it.';
