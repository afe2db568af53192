/*
 * The row lock keeps a listing as it was checked until the caller commits. It is the weaker one
 * that lets rows be written that refer to the listing: a booking does so while it holds the guard
 * row, and a host who blocks nights takes the two the other way round. Somebody else's listing is
 * "not found" where it is not public, so that ids cannot be probed.
 */
create or replace function app_hidden.require_own_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_listing app_public.listings;
begin
  select l.* into v_listing from app_public.listings l
  where l.id = require_own_listing.listing_id for no key update;

  if v_listing.id is null or (v_listing.host_id <> v_user_id and v_listing.status <> 'published') then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  if v_listing.host_id <> v_user_id then
    raise exception 'This listing is another host''s.' using errcode = 'SBG02', column = 'listing_id';
  end if;
  if v_listing.status in ('suspended', 'archived') then
    raise exception 'A listing that is % cannot be changed.', v_listing.status
      using errcode = 'SBL03', column = 'listing_id';
  end if;
  return v_listing;
end
$$;

comment on function app_hidden.require_own_listing(uuid) is
  'Locks and returns a listing of whoever is signed in; NOT_FOUND or FORBIDDEN otherwise.';
