create or replace function app_public.archive_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(archive_listing.listing_id);
begin
  update app_public.listings l set status = 'archived' where l.id = v_listing.id
  returning * into v_listing;
  return v_listing;
end
$$;

grant execute on function app_public.archive_listing(uuid) to :DATABASE_VISITOR;

comment on function app_public.archive_listing(uuid) is
  'Hides a listing for good; existing bookings stay. There is no way back.';
