-- The exact place and the public one (public_place) are written together.
create or replace function app_hidden.write_listing_address(
  listing_id uuid,
  street text,
  city text,
  country_code text,
  time_zone text,
  longitude double precision,
  latitude double precision,
  postal_code text,
  region text,
  directions text
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
begin
  insert into app_public.listing_addresses as a
    (listing_id, street, postal_code, directions, longitude, latitude)
  values (
    write_listing_address.listing_id,
    write_listing_address.street,
    write_listing_address.postal_code,
    write_listing_address.directions,
    write_listing_address.longitude,
    write_listing_address.latitude
  )
  on conflict on constraint listing_addresses_pkey do update
    set street = excluded.street, postal_code = excluded.postal_code,
        directions = excluded.directions, longitude = excluded.longitude,
        latitude = excluded.latitude
    where row(a.street, a.postal_code, a.directions, a.longitude, a.latitude) is distinct from
      row(
        excluded.street, excluded.postal_code, excluded.directions, excluded.longitude,
        excluded.latitude
      );

  update app_public.listings l
  set time_zone = write_listing_address.time_zone,
      country_code = upper(write_listing_address.country_code),
      region = write_listing_address.region,
      city = btrim(write_listing_address.city),
      public_longitude = p.public_longitude,
      public_latitude = p.public_latitude
  from app_public.listings host
  cross join lateral app_hidden.public_place(
    host.host_id, write_listing_address.longitude, write_listing_address.latitude
  ) p
  where l.id = write_listing_address.listing_id and host.id = l.id
  returning l.* into v_listing;
  return v_listing;
end
$$;

comment on function app_hidden.write_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) is 'Writes the exact and the public place of a listing together.';
