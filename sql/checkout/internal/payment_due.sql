/*
 * What a guest has to pay now: the stay, or what an accepted change costs more.
 */
create or replace function app_hidden.payment_due(
  booking app_public.bookings, alteration app_public.alterations,
  out purpose app_public.payment_purpose, out sequence smallint, out host_amount bigint,
  out platform_amount bigint, out capture_method app_public.capture_method,
  out expires_at timestamptz
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    case when alteration.id is null then 'stay' else 'alteration' end
      ::app_public.payment_purpose,
    coalesce(alteration.sequence, 1::smallint),
    coalesce(alteration.host_amount - alteration.old_host_amount, booking.host_amount),
    coalesce(alteration.platform_amount - alteration.old_platform_amount, booking.platform_amount),
    case when alteration.id is null and booking.booking_mode = 'request'
      then 'manual' else 'automatic' end::app_public.capture_method,
    coalesce(alteration.expires_at, booking.hold_expires_at)
$$;

comment on function app_hidden.payment_due(app_public.bookings, app_public.alterations) is
  'What a guest has to pay now for a booking.';
