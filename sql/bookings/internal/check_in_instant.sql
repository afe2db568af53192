create or replace function app_hidden.check_in_instant(
  booking app_public.bookings, days_before integer
) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (booking.check_in - days_before + booking.check_in_from) at time zone booking.time_zone
$$;

comment on function app_hidden.check_in_instant(app_public.bookings, integer) is
  'The hour of check-in, so many local days before the check-in of a booking.';
