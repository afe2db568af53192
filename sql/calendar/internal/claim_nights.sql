/*
 * The one function that takes nights; every writer uses it. Returns the claim, or raises
 * DATES_UNAVAILABLE.
 *
 * Units are tried in order, so that stays pack. Where no unit is free, expired holds on these
 * nights are freed and the units tried once more: the usual loser has then read one row, and
 * written nothing. Locks: availability, then (in free_expired_holds) bookings.
 */
create or replace function app_hidden.claim_nights(
  listing_id uuid,
  nights daterange,
  kind app_public.claim_kind,
  booking_id uuid default null,
  unit_number smallint default null,
  note text default '',
  expires_at timestamptz default null
) returns app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_unit_number smallint;
begin
  for v_attempt in 1 .. 2 loop
    for v_unit_number in
      select a.unit_number from app_hidden.listing_availability a
      where a.listing_id = claim_nights.listing_id
        and a.unit_number = coalesce(claim_nights.unit_number, a.unit_number)
        and not a.taken && claim_nights.nights
      order by a.unit_number
    loop
      begin
        insert into app_public.calendar_claims
          (listing_id, unit_number, nights, kind, booking_id, note, expires_at)
        values (
          claim_nights.listing_id, v_unit_number, claim_nights.nights, claim_nights.kind,
          claim_nights.booking_id, claim_nights.note, claim_nights.expires_at
        )
        returning * into v_claim;
        return v_claim;
      exception
        -- Somebody was faster on this unit; the next one may still be free.
        when sqlstate 'SBC01' then null;
      end;
    end loop;

    exit when v_attempt = 2
      or app_hidden.free_expired_holds(claim_nights.listing_id, claim_nights.nights) = 0;
  end loop;

  raise exception 'These nights are taken.' using errcode = 'SBC01';
end
$$;

comment on function app_hidden.claim_nights(
  uuid, daterange, app_public.claim_kind, uuid, smallint, text, timestamptz
) is
  'Takes nights of the first unit that is free; DATES_UNAVAILABLE where none is.';
