/*
 * Raises where a booking cannot be changed to such a stay, whoever agrees. Restrictions of the
 * listing, such as a least number of nights, are for the host to insist on. A stay that has begun
 * keeps its first night, and ends today at the earliest. The caller holds the locks on units and
 * booking.
 */
create or replace function app_hidden.require_alterable(
  booking app_public.bookings, asked app_hidden.asked_stay
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := app_hidden.local_today(booking.time_zone);
  v_listing app_public.listings;
  v_fault app_public.bookability_reason;
begin
  perform app_hidden.check_stay(asked.check_in, asked.check_out, asked.guests);
  perform app_hidden.check_party(asked.guests, asked.children, asked.infants, asked.pets);
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
  if asked = (
    booking.check_in, booking.check_out, booking.guests::integer, booking.children::integer,
    booking.infants::integer, booking.pets::integer
  )::app_hidden.asked_stay then
    raise exception 'This is the stay as it is.' using errcode = 'SBG04', column = 'check_in';
  end if;
  if asked.check_in <> booking.check_in and least(asked.check_in, booking.check_in) < v_today
  then
    raise exception 'There it is already %: the first night stays as it is.', v_today
      using errcode = 'SBC03', column = 'check_in';
  end if;
  if asked.check_in <> booking.check_in and booking.checked_in_at is not null then
    raise exception 'The guest has arrived: the first night stays as it is.'
      using errcode = 'SBC03', column = 'check_in';
  end if;
  if asked.check_out < v_today then
    raise exception 'There it is already %: the stay ends then at the earliest.', v_today
      using errcode = 'SBC03', column = 'check_out';
  end if;
  -- What was sold may stay, whatever the listing takes by now.
  select l.* into v_listing from app_public.listings l where l.id = booking.listing_id;
  select f.* into v_fault
  from app_hidden.party_faults(
    v_listing,
    case when asked.guests > booking.guests then asked.guests else 1 end,
    case when asked.children > booking.children then asked.children else 0 end,
    case when asked.infants > booking.infants then asked.infants else 0 end,
    case when asked.pets > booking.pets then asked.pets else 0 end
  ) f limit 1;
  perform app_hidden.refuse_party(v_fault);
end
$$;

comment on function app_hidden.require_alterable(app_public.bookings, app_hidden.asked_stay) is
  'Raises where a booking cannot be changed to such a stay.';
