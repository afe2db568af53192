/*
 * Raises where a booking cannot be changed to such a stay, whoever agrees. Restrictions of the
 * listing, such as a least number of nights, are for the host to insist on. A stay that has begun
 * keeps its first night, and ends today at the earliest. The caller holds the locks on units and
 * booking.
 */
create or replace function app_hidden.require_alterable(
  booking app_public.bookings, check_in date, check_out date, guests integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := app_hidden.local_today(booking.time_zone);
  v_most_guests smallint := (
    select l.max_guests from app_public.listings l where l.id = booking.listing_id
  );
begin
  perform app_hidden.check_stay(
    require_alterable.check_in, require_alterable.check_out, require_alterable.guests
  );
  if booking.status <> 'confirmed' or booking.check_out <= v_today then
    raise exception 'Only a stay that is sold and not over is changed; this one is %.',
      booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if exists (
    select from app_public.alterations a
    where a.booking_id = booking.id and a.status in ('proposed', 'accepted')
      and (a.status = 'accepted' or a.expires_at > app_hidden.clock())
  ) then
    raise exception 'A change of this booking is open: it has to end first.'
      using errcode = 'SBB12', column = 'booking_id';
  end if;
  if (booking.check_in, booking.check_out, booking.guests) = (
    require_alterable.check_in, require_alterable.check_out, require_alterable.guests
  ) then
    raise exception 'This is the stay as it is.' using errcode = 'SBG04', column = 'check_in';
  end if;
  if require_alterable.check_in <> booking.check_in
    and least(require_alterable.check_in, booking.check_in) < v_today
  then
    raise exception 'There it is already %: the first night stays as it is.', v_today
      using errcode = 'SBC03', column = 'check_in';
  end if;
  if require_alterable.check_out < v_today then
    raise exception 'There it is already %: the stay ends then at the earliest.', v_today
      using errcode = 'SBC03', column = 'check_out';
  end if;
  if require_alterable.guests > greatest(v_most_guests, booking.guests) then
    raise exception 'At most % guests fit.', v_most_guests
      using errcode = 'SBC05', column = 'guests';
  end if;
end
$$;

comment on function app_hidden.require_alterable(app_public.bookings, date, date, integer) is
  'Raises where a booking cannot be changed to such a stay.';
