/*
 * What guests are owed at this moment: refunds that have not arrived, and unknown charges that have
 * not gone back. One that is on its way is no fault; one that has failed, or takes for more than a
 * day, is.
 */
create or replace function app_private.guests_owed()
returns table (
  booking_id uuid, refund_id uuid, unknown_charge_id uuid, currency text, amount bigint,
  since timestamptz, needs_attention boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.booking_id, r.id, null::uuid, r.currency, r.amount, r.created_at,
    r.needs_attention or r.created_at < app_hidden.clock() - interval '1 day'
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  where r.needs_attention or r.status in ('requested', 'pending')
  union all
  select c.booking_id, null, c.id, c.currency, c.amount, c.created_at,
    c.status = 'failed' or c.created_at < app_hidden.clock() - interval '1 day'
  from app_public.unknown_charges c
  where c.status <> 'succeeded'
$$;

grant execute on function app_private.guests_owed() to :DATABASE_AUTHENTICATOR;

comment on function app_private.guests_owed() is
  'What guests are owed, and whether somebody has to look at it.';
