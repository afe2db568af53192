create or replace function app_hidden.has_open_refunds(user_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.bookings b
    join app_public.payments p on p.booking_id = b.id
    join app_public.refunds r on r.payment_id = p.id
    where b.guest_id = has_open_refunds.user_id
      and (r.status in ('requested', 'pending') or r.needs_attention)
  ) or exists (
    select from app_public.bookings b
    join app_public.unknown_charges c on c.booking_id = b.id
    where b.guest_id = has_open_refunds.user_id and c.status <> 'succeeded'
  )
$$;

comment on function app_hidden.has_open_refunds(uuid) is
  'Whether a guest is owed money that has not arrived.';
