create or replace function app_public.set_listing_address(
  listing_id uuid,
  street text,
  city text,
  country_code text,
  time_zone text,
  longitude double precision,
  latitude double precision,
  postal_code text default null,
  region text default null,
  directions text default null
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(set_listing_address.listing_id);
begin
  return app_hidden.write_listing_address(
    v_listing.id,
    set_listing_address.street,
    set_listing_address.city,
    set_listing_address.country_code,
    set_listing_address.time_zone,
    set_listing_address.longitude,
    set_listing_address.latitude,
    set_listing_address.postal_code,
    set_listing_address.region,
    set_listing_address.directions
  );
end
$$;

grant execute on function app_public.set_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) to :DATABASE_VISITOR;

comment on function app_public.set_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) is 'Says where a listing is. The exact place stays private; the public one is moved some 200 m.';
