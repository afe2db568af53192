/*
 * Why a party does not fit into a listing, each with the listing's rule: of bookability(), of what
 * is booked later, and of what is changed.
 */
create or replace function app_hidden.party_faults(
  listing app_public.listings, guests integer, children integer, infants integer, pets integer
) returns setof app_public.bookability_reason
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select f.code, f.rule
  from (values
    ('too_many_guests', party_faults.guests > listing.max_guests, listing.max_guests::text),
    ('children_not_welcome',
      party_faults.children + party_faults.infants > 0 and not listing.welcomes_children, null),
    ('too_many_infants',
      listing.welcomes_children and party_faults.infants > listing.max_infants,
      listing.max_infants::text),
    ('pets_not_allowed',
      party_faults.pets > 0 and (listing.max_pets = 0 or not exists (
        select from app_public.listing_amenities a
        where a.listing_id = listing.id and a.amenity_code = 'pets_allowed'
      )), null),
    ('too_many_pets',
      listing.max_pets > 0 and party_faults.pets > listing.max_pets, listing.max_pets::text)
  ) as f (code, applies, rule)
  where f.applies
$$;

comment on function app_hidden.party_faults(
  app_public.listings, integer, integer, integer, integer
) is 'Every reason why a party does not fit into a listing.';
