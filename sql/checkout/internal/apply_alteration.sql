/*
 * The stay becomes what was agreed: its nights swap in this transaction, and its price is the new
 * quote's. What it costs less goes back to the guest, as far as host and platform hold it. The
 * caller holds the locks on units and booking, and has charged what it costs more.
 */
create or replace function app_hidden.apply_alteration(
  booking app_public.bookings, alteration app_public.alterations,
  actor app_public.booking_actor
) returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations;
  v_quote app_public.quotes;
  v_unit_number smallint := coalesce(
    (
      select c.unit_number from app_public.calendar_claims c
      where c.alteration_id = alteration.id limit 1
    ),
    (
      select n.unit_number
      from app_hidden.alteration_nights(booking, alteration.check_in, alteration.check_out) n
      limit 1
    ),
    booking.unit_number
  );
begin
  delete from app_public.calendar_claims c where c.booking_id = booking.id;
  perform app_hidden.claim_nights(
    booking.listing_id,
    app_hidden.claim_window(alteration.check_in, alteration.check_out, (
      select l.preparation_days from app_public.listings l where l.id = booking.listing_id
    )),
    'booking',
    booking_id => booking.id,
    unit_number => v_unit_number
  );
  select q.* into v_quote from app_public.quotes q where q.id = alteration.quote_id;
  update app_public.bookings b
  set check_in = alteration.check_in, check_out = alteration.check_out,
      guests = alteration.guests, children = v_quote.children, infants = v_quote.infants,
      pets = v_quote.pets, unit_number = v_unit_number, quote_id = alteration.quote_id,
      total_amount = alteration.total_amount, host_amount = alteration.host_amount,
      platform_amount = alteration.platform_amount
  where b.id = booking.id;
  update app_public.alterations a
  set status = 'applied', status_actor = apply_alteration.actor
  where a.id = alteration.id
  returning * into v_alteration;
  if alteration.difference_amount < 0 then
    perform app_hidden.refund_alteration(booking, alteration);
  end if;
  return v_alteration;
end
$$;

comment on function app_hidden.apply_alteration(
  app_public.bookings, app_public.alterations, app_public.booking_actor
) is 'Makes a stay what was agreed, and gives back what it costs less.';
