create or replace function app_public.pause_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(pause_listing.listing_id);
begin
  if v_listing.status not in ('published', 'paused') then
    raise exception 'Only a published listing can be paused; this one is %.', v_listing.status
      using errcode = 'SBL03', column = 'listing_id';
  end if;
  update app_public.listings l set status = 'paused' where l.id = v_listing.id
  returning * into v_listing;
  return v_listing;
end
$$;

grant execute on function app_public.pause_listing(uuid) to :DATABASE_VISITOR;

comment on function app_public.pause_listing(uuid) is
  'Takes a listing out of search until it is published again; existing bookings stay.';
