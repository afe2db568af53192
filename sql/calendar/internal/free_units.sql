/*
 * The units that could take these nights, in the order in which to try them: those whose guard row
 * is free first, by number. On the others only holds that are over are in the way, and the claim
 * that needs their nights ends them.
 */
create or replace function app_hidden.free_units(
  listing_id uuid, nights daterange, unit_number smallint default null
) returns setof smallint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select u.unit_number from app_hidden.unit_nights(free_units.listing_id) u
  where u.unit_number = coalesce(free_units.unit_number, u.unit_number)
    and not u.taken && free_units.nights
  order by u.guarded && free_units.nights, u.unit_number
$$;

comment on function app_hidden.free_units(uuid, daterange, smallint) is
  'The units that can take these nights, in the order in which to try them.';
