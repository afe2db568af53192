/*
 * What is wrong with single transactions of the ledger: they do not sum to zero (M1), belong to no
 * booking, are of a charge or a refund that our rows do not know, or split a charge unlike its
 * booking.
 */
create or replace function app_hidden.ledger_transaction_faults()
returns table (finding text, booking_id uuid, id uuid, currency text, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with entries as (
    select t.id, t.kind, t.external_fact, t.booking_id, t.payment_id, t.refund_id, e.currency,
      sum(e.amount) as amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'host_payable'), 0) as host_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'platform_revenue'), 0) as platform_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'guest_payable'), 0) as guest_amount,
      coalesce(sum(e.amount) filter (where a.kind = 'stripe_balance'), 0) as stripe_amount,
      count(*) filter (where a.kind = 'host_payable' and a.user_id <> b.host_id) as others
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    left join app_public.bookings b on b.id = t.booking_id
    group by t.id, e.currency
  )
  select f.finding, e.booking_id, e.id, e.currency, f.off_by::bigint
  from entries e
  left join app_public.payments p on p.id = e.payment_id
  left join app_public.refunds r on r.id = e.refund_id
  left join app_public.payments rp on rp.id = r.payment_id
  cross join lateral (values
    ('unbalanced transaction', e.amount <> 0, e.amount),
    ('transaction without a booking',
      e.booking_id is null and e.kind <> 'unknown_charge' and not exists (
        select from app_public.unknown_charges c
        where e.external_fact like 'refund%:' || c.stripe_refund_id
      ),
      e.stripe_amount),
    ('charge without a payment',
      e.kind in ('charge', 'late_charge') and (
        'charge:' || p.stripe_charge_id is distinct from e.external_fact
        or p.booking_id is distinct from e.booking_id
        or p.captured_amount <> e.stripe_amount
      ),
      e.stripe_amount - coalesce(p.captured_amount, 0)),
    ('refund of another charge',
      e.kind in ('refund', 'refund_failure') and e.booking_id is not null and (
        r.id is null or e.external_fact not like '%:' || r.stripe_refund_id
        or rp.booking_id is distinct from e.booking_id or r.amount <> abs(e.guest_amount)
      ),
      abs(e.guest_amount)),
    ('the host''s share is not the booking''s',
      e.kind = 'charge' and e.host_amount <> p.host_amount, e.host_amount - p.host_amount),
    ('the platform''s fee is not the booking''s',
      e.kind = 'charge' and e.platform_amount <> p.platform_amount,
      e.platform_amount - p.platform_amount),
    ('earnings of another host', e.others > 0, e.host_amount)
  ) f (finding, applies, off_by)
  where f.applies
$$;

comment on function app_hidden.ledger_transaction_faults() is
  'What is wrong with single transactions of the ledger.';
