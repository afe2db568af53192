/*
 * The one function that takes nights; every writer uses it. Returns the claim, or raises
 * DATES_UNAVAILABLE.
 *
 * Empty units are tried first, in order, so that stays pack. A unit on which only expired holds are
 * in the way comes next: a trigger of bookings ends those holds before the claim is written. Where
 * every unit is taken, the caller has read a few rows and written nothing.
 */
create or replace function app_hidden.claim_nights(
  listing_id uuid,
  nights daterange,
  kind app_public.claim_kind,
  booking_id uuid default null,
  unit_number smallint default null,
  note text default '',
  expires_at timestamptz default null,
  alteration_id uuid default null
) returns app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_unit_number smallint;
begin
  for v_unit_number in
    select u from app_hidden.free_units(
      claim_nights.listing_id, claim_nights.nights, claim_nights.unit_number
    ) u
  loop
    begin
      insert into app_public.calendar_claims
        (listing_id, unit_number, nights, kind, booking_id, note, expires_at, alteration_id)
      values (
        claim_nights.listing_id, v_unit_number, claim_nights.nights, claim_nights.kind,
        claim_nights.booking_id, claim_nights.note, claim_nights.expires_at,
        claim_nights.alteration_id
      )
      returning * into v_claim;
      return v_claim;
    exception
      -- Somebody was faster on this unit; the next one may still be free.
      when sqlstate 'SBC01' then null;
    end;
  end loop;
  raise exception 'These nights are taken.' using errcode = 'SBC01';
end
$$;

comment on function app_hidden.claim_nights(
  uuid, daterange, app_public.claim_kind, uuid, smallint, text, timestamptz, uuid
) is
  'Takes nights of the first unit that is free; DATES_UNAVAILABLE where none is.';
