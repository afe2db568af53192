/*
 * The lock on a booking. Whoever also needs the units of its listing locks those first. For the
 * order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_booking(booking_id uuid) returns app_public.bookings
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.* from app_public.bookings b where b.id = lock_booking.booking_id for no key update
$$;

comment on function app_hidden.lock_booking(uuid) is
  'Locks a booking until commit and returns it; a null row where there is none.';
