/*
 * A change of a booking of whoever is signed in that waits for an answer. The booking is locked,
 * and so are the units of its listing.
 */
create or replace function app_hidden.require_open_alteration(alteration_id uuid)
returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_alteration app_public.alterations;
begin
  v_booking := app_hidden.require_alterations_booking(require_open_alteration.alteration_id);
  perform app_hidden.lock_units(v_booking.listing_id);
  perform app_hidden.lock_booking(v_booking.id);
  select a.* into v_alteration from app_public.alterations a
  where a.id = require_open_alteration.alteration_id;
  if v_alteration.status not in ('proposed', 'accepted')
    or (v_alteration.status = 'proposed' and v_alteration.expires_at <= app_hidden.clock())
  then
    raise exception 'This change has ended: it is %.', v_alteration.status
      using errcode = 'SBB11', column = 'alteration_id';
  end if;
  return v_alteration;
end
$$;

comment on function app_hidden.require_open_alteration(uuid) is
  'A change that waits for an answer or for its payment, with its booking locked.';
