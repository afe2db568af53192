/*
 * The checks that must find nothing, for the operator and the tests: transactions that do not sum
 * to zero (M1), and bookings where charged - refunded differs from host payable + platform +
 * clearing (M4).
 */
create or replace function app_private.ledger_drift()
returns table (finding text, id uuid, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select 'unbalanced transaction', e.transaction_id, sum(e.amount)::bigint
  from app_public.ledger_entries e
  group by e.transaction_id, e.currency
  having sum(e.amount) <> 0
  union all
  select 'booking differs from its payments', p.booking_id,
    (sum(p.captured_amount - p.refunded_amount) - coalesce(max(l.amount), 0))::bigint
  from app_public.payments p
  left join (
    select t.booking_id, -sum(e.amount) as amount
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    where a.kind in ('host_payable', 'platform_revenue', 'tax_payable', 'guest_payable')
    group by t.booking_id
  ) l on l.booking_id = p.booking_id
  group by p.booking_id
  having sum(p.captured_amount - p.refunded_amount) <> coalesce(max(l.amount), 0)
$$;

grant execute on function app_private.ledger_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.ledger_drift() is
  'What is wrong with the ledger; nothing, or something is broken.';
