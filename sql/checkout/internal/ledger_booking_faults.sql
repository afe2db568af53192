/*
 * What is wrong with the ledger of whole bookings: it differs from their payments (M4), a guest has
 * got more than they were owed, is owed what no refund will pay, or has paid for what was not sold.
 */
create or replace function app_hidden.ledger_booking_faults()
returns table (finding text, booking_id uuid, id uuid, currency text, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with paid as (
    select p.booking_id, min(p.currency) as currency,
      sum(p.captured_amount - p.refunded_amount) as amount,
      coalesce(sum((
        select sum(r.amount) from app_public.refunds r
        where r.payment_id = p.id and (r.status in ('requested', 'pending') or r.needs_attention)
      )), 0) as open_amount
    from app_public.payments p
    group by p.booking_id
  ),
  held as (
    select t.booking_id,
      coalesce(-sum(e.amount) filter (where a.kind in (
        'host_payable', 'platform_revenue', 'tax_payable', 'guest_payable', 'bank'
      )), 0) as amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'host_payable'), 0) as host_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'guest_payable'), 0) as guest_amount
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    where t.booking_id is not null
    group by t.booking_id
  )
  select f.finding, b.id, b.id, b.currency, f.off_by::bigint
  from paid p
  full join held h on h.booking_id = p.booking_id
  join app_public.bookings b on b.id = coalesce(p.booking_id, h.booking_id)
  cross join lateral (
    select coalesce(p.amount, 0) as paid, coalesce(p.open_amount, 0) as open,
      coalesce(h.amount, 0) as held, coalesce(h.guest_amount, 0) as owed,
      coalesce(h.host_amount, 0) as host
  ) s
  cross join lateral (values
    ('booking differs from its payments', s.paid <> s.held, s.paid - s.held),
    ('guest got more than was owed', s.owed < 0, s.owed),
    ('owed to the guest without a refund', s.owed > s.open, s.owed - s.open),
    ('refund without a debt', s.owed >= 0 and s.open > s.owed, s.open - s.owed),
    ('paid but not confirmed',
      b.status not in ('confirmed', 'completed', 'cancelled') and (
        s.host <> 0 or s.paid > s.owed
      ),
      s.paid - s.owed)
  ) f (finding, applies, off_by)
  where f.applies
$$;

comment on function app_hidden.ledger_booking_faults() is
  'What is wrong with the ledger of whole bookings.';
