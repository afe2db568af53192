/*
 * The lock on a listing. It is the weaker kind, which lets rows be written that refer to the
 * listing: a booking does so while it holds the units. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_listing(listing_id uuid) returns app_public.listings
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select l.* from app_public.listings l where l.id = lock_listing.listing_id for no key update
$$;

comment on function app_hidden.lock_listing(uuid) is
  'Locks a listing until commit and returns it; a null row where there is none.';
