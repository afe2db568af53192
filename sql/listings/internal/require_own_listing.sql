/*
 * The row lock keeps a listing as it was checked until the caller commits. Somebody else's listing
 * is "not found" where it is not public, so that ids cannot be probed.
 */
create or replace function app_hidden.require_own_listing(listing_id uuid)
returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_listing app_public.listings := app_hidden.lock_listing(require_own_listing.listing_id);
begin
  if v_listing.id is null
    or (v_listing.host_id <> v_user_id and v_listing.status <> 'published')
  then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  if v_listing.host_id <> v_user_id then
    raise exception 'This listing is another host''s.'
      using errcode = 'SBG02', column = 'listing_id';
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
