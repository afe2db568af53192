/*
 * The exact place. It is a table of its own, for a guest sees it only with a confirmed booking and
 * until a week after check-out, and search never does: with exact coordinates in search, a house is
 * found by bisecting the box. public_place() draws the public place.
 */
create table if not exists app_public.listing_addresses (
  listing_id uuid not null
    constraint listing_addresses_pkey primary key
    constraint listing_addresses_listing_id_fkey references app_public.listings on delete cascade,
  street app_public.line not null,
  postal_code app_public.line,
  directions app_public.prose,
  longitude double precision not null,
  latitude double precision not null,

  constraint listing_addresses_street_has_length
    check (length(street) <= 300 and btrim(street) <> ''),
  constraint listing_addresses_postal_code_is_bounded check (length(postal_code) <= 20),
  constraint listing_addresses_directions_are_bounded check (length(directions) <= 5000),
  constraint listing_addresses_are_on_earth
    check (longitude between -180 and 180 and latitude between -90 and 90)
);

alter table app_public.listing_addresses enable row level security;
alter table app_public.listing_addresses force row level security;

comment on table app_public.listing_addresses is
  'The exact address, for the host and for guests with a confirmed booking.';
comment on column app_public.listing_addresses.listing_id is 'The listing that is there.';
comment on column app_public.listing_addresses.street is 'Street and number.';
comment on column app_public.listing_addresses.postal_code is
  'Postal code, where the country has them.';
comment on column app_public.listing_addresses.directions is 'How to find the door.';
comment on column app_public.listing_addresses.longitude is 'Degrees east, exact.';
comment on column app_public.listing_addresses.latitude is 'Degrees north, exact.';
