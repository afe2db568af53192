/*
 * The lock on all units of a listing, in the order of their numbers. Whoever also needs the listing
 * locks that first. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_units(listing_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from app_hidden.listing_availability a
  where a.listing_id = lock_units.listing_id
  order by a.unit_number
  for update;
end
$$;

comment on function app_hidden.lock_units(uuid) is 'Locks the units of a listing until commit.';
