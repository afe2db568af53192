/*
 * Photos, amenities, rates and review scores of an imported listing; see import_listing() for the
 * shape. The caller holds the lock on the listing. A host's own delete locks the photo before the
 * listing, so a photo that somebody holds is passed over here: it is waited for by nobody.
 */
create or replace function app_hidden.import_listing_parts(listing_id uuid, listing jsonb)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.listing_photos p
  using (
    select o.id from app_public.listing_photos o
    where o.listing_id = import_listing_parts.listing_id
      and not listing -> 'photoUrls' ? o.url::text
    for update skip locked
  ) gone
  where p.id = gone.id;
  insert into app_public.listing_photos (listing_id, url, position)
  select import_listing_parts.listing_id, u.url, (u.position - 1)::smallint
  from jsonb_array_elements_text(listing -> 'photoUrls') with ordinality u (url, position)
  where not exists (
    select from app_public.listing_photos p
    where p.listing_id = import_listing_parts.listing_id and p.url = u.url
  );

  delete from app_public.listing_amenities a
  where a.listing_id = import_listing_parts.listing_id
    and not listing -> 'amenityCodes' ? a.amenity_code;
  insert into app_public.listing_amenities (listing_id, amenity_code)
  select import_listing_parts.listing_id, code
  from jsonb_array_elements_text(listing -> 'amenityCodes') code
  on conflict do nothing;

  -- Dated rates refer to the currency of the rates, which may have changed.
  delete from app_public.dated_rates d
  where d.listing_id = import_listing_parts.listing_id
    and d.currency is distinct from listing -> 'rates' ->> 'currency';
  if listing -> 'rates' ->> 'nightlyAmount' is not null then
    insert into app_public.listing_rates (listing_id, currency, nightly_amount)
    values (
      import_listing_parts.listing_id, listing -> 'rates' ->> 'currency',
      (listing -> 'rates' ->> 'nightlyAmount')::bigint
    )
    on conflict on constraint listing_rates_pkey do update
      set currency = excluded.currency, nightly_amount = excluded.nightly_amount;
  else
    -- Gone there, so gone here; what was sold keeps its price in its quote.
    delete from app_public.listing_rates r where r.listing_id = import_listing_parts.listing_id;
  end if;

  delete from app_hidden.imported_review_scores s
  where s.listing_id = import_listing_parts.listing_id;
  insert into app_hidden.imported_review_scores (
    listing_id, review_count, rating, accuracy_rating, cleanliness_rating, check_in_rating,
    communication_rating, location_rating, value_rating
  )
  select import_listing_parts.listing_id, (s ->> 'reviewCount')::integer, (s ->> 'rating')::numeric,
    (s ->> 'accuracy')::numeric, (s ->> 'cleanliness')::numeric, (s ->> 'checkIn')::numeric,
    (s ->> 'communication')::numeric, (s ->> 'location')::numeric, (s ->> 'value')::numeric
  from (select listing -> 'reviewScores' as s) scores
  where jsonb_typeof(s) = 'object';
end
$$;

comment on function app_hidden.import_listing_parts(uuid, jsonb) is
  'Replaces what belongs to an imported listing by what came.';
