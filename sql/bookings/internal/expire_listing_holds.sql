/*
 * Expires the bookings of one listing whose holds are past their time, on one unit or all, within
 * the given nights or anywhere: those that nobody paid, and requests that nobody answered. Their
 * claims go with them. Returns how many. A hold whose payment is being processed has no expires_at:
 * the bank has a day after the guest's time, and what comes later is late money.
 *
 * Locks: the units of the listing, then the bookings.
 */
create or replace function app_hidden.expire_listing_holds(
  listing_id uuid, unit_number smallint default null, nights daterange default null
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_expired integer;
begin
  -- Mostly there is none: then nothing is locked.
  if not exists (
    select from app_public.calendar_claims c
    where c.listing_id = expire_listing_holds.listing_id
      and (c.expires_at <= app_hidden.clock() or (c.kind = 'hold' and c.expires_at is null))
      and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
      and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights)
  ) then
    return 0;
  end if;

  perform app_hidden.lock_units(expire_listing_holds.listing_id);

  update app_public.bookings b
  set status = 'expired', status_actor = 'system',
      status_reason = case b.status
        when 'requested' then 'The host did not answer in time.'
        when 'accepted' then 'It took too long to take the money.'
        else 'The hold ended before payment.'
      end
  from app_public.calendar_claims c
  where c.booking_id = b.id and c.alteration_id is null
    and c.listing_id = expire_listing_holds.listing_id
    and c.kind = 'hold'
    and coalesce(c.expires_at, b.hold_expires_at + interval '1 day') <= app_hidden.clock()
    and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
    and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights);
  get diagnostics v_expired = row_count;
  return v_expired + app_hidden.expire_alterations(
    expire_listing_holds.listing_id, expire_listing_holds.unit_number, expire_listing_holds.nights
  );
end
$$;

comment on function app_hidden.expire_listing_holds(uuid, smallint, daterange) is
  'Expires bookings of a listing whose hold is over, and frees their nights; says how many.';
