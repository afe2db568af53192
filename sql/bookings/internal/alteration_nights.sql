/*
 * What a changed stay would have to take beside what it has: the missing nights on its own unit, or
 * all of them on another one; nothing where its own are enough. Raises DATES_UNAVAILABLE where no
 * unit can take the stay. The caller holds the locks on the units.
 */
create or replace function app_hidden.alteration_nights(
  booking app_public.bookings, check_in date, check_out date
) returns table (unit_number smallint, nights daterange)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_window daterange := app_hidden.claim_window(
    alteration_nights.check_in, alteration_nights.check_out,
    (select l.preparation_days from app_public.listings l where l.id = booking.listing_id)
  );
  v_missing datemultirange := datemultirange(v_window) - (
    select datemultirange(c.nights) from app_public.calendar_claims c
    where c.booking_id = booking.id and c.alteration_id is null
  );
  v_other smallint;
begin
  if not exists (
    select from unnest(v_missing) piece
    where not exists (
      select from app_hidden.free_units(booking.listing_id, piece, booking.unit_number)
    )
  ) then
    return query select booking.unit_number, piece from unnest(v_missing) piece;
    return;
  end if;
  select u into v_other from app_hidden.free_units(booking.listing_id, v_window) u limit 1;
  if v_other is null then
    raise exception 'These nights are taken.' using errcode = 'SBC01', column = 'check_in';
  end if;
  return query select v_other, v_window;
end
$$;

comment on function app_hidden.alteration_nights(app_public.bookings, date, date) is
  'What a changed stay has to take beside what it has; DATES_UNAVAILABLE where no unit can.';
