/*
 * The units that could take these nights: no live claim is in the way. A hold past its time is not
 * live, for the claim that needs its nights ends it. Units come in the order in which to try them:
 * empty ones first, by number.
 */
create or replace function app_hidden.free_units(
  listing_id uuid, nights daterange, unit_number smallint default null
) returns setof smallint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.unit_number from app_hidden.listing_availability a
  where a.listing_id = free_units.listing_id
    and a.unit_number = coalesce(free_units.unit_number, a.unit_number)
    and (
      not a.taken && free_units.nights
      or not exists (
        select from app_public.calendar_claims c
        where c.listing_id = a.listing_id and c.unit_number = a.unit_number
          and c.nights && free_units.nights
          and (c.expires_at is null or c.expires_at > app_hidden.clock())
      )
    )
  order by a.taken && free_units.nights, a.unit_number
$$;

comment on function app_hidden.free_units(uuid, daterange, smallint) is
  'The units that can take these nights, in the order in which to try them.';
