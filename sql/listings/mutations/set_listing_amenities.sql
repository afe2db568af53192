create or replace function app_public.set_listing_amenities(
  listing_id uuid, amenity_codes text[]
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(set_listing_amenities.listing_id);
  v_unknown text;
begin
  -- Null is no set, and no amenity either: the empty set takes all of them away.
  select string_agg(coalesce(code, 'null'), ', ') into v_unknown
  from unnest(coalesce(set_listing_amenities.amenity_codes, array[null]::text[])) code
  where not exists (select from app_public.amenities a where a.code = code.code);
  if v_unknown is not null then
    raise exception 'Unknown amenities: %.', left(v_unknown, 200)
      using errcode = 'SBL04', column = 'amenity_codes',
        hint = 'The query amenities lists the codes.';
  end if;

  delete from app_public.listing_amenities la
  where la.listing_id = v_listing.id
    and la.amenity_code <> all (set_listing_amenities.amenity_codes);
  insert into app_public.listing_amenities (listing_id, amenity_code)
  select distinct v_listing.id, code from unnest(set_listing_amenities.amenity_codes) code
  on conflict do nothing;
  return v_listing;
end
$$;

grant execute on function app_public.set_listing_amenities(uuid, text[]) to :DATABASE_VISITOR;

comment on function app_public.set_listing_amenities(uuid, text[]) is
  'Replaces the amenities of a listing by the given set.';
