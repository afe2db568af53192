--! Previous: sha1:8a4acf754f1d21a5f9f642c410ca2eac66d415bc
--! Hash: sha1:caa3bb35ccd7c23f50d798ecea3e4ae1863360cf
--! Message: know imports by their id, and take back what is gone

--! split: 1-current.sql
--! Included search/internal/search_projection.sql
/*
 * What search_cells must hold, for one listing or (null) for all: the truth that triggers keep it
 * to and that search_drift() compares with.
 *
 * score, the order of relevance, is at most some 60,000: the average rating pulled towards 4.5 by
 * ten imagined reviews (imported ones count half, or not at all where their rating did not come),
 * in ten-thousandths; up to 1,000 for the number of reviews, up to 500 for photos, 200 for instant
 * booking.
 */
create or replace function app_hidden.search_projection(only_listing_id uuid default null)
returns setof app_hidden.search_cells
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Materialized, or each of the six levels would compute them again.
  with facts as materialized (
    select
      l.id,
      l.public_longitude,
      l.public_latitude,
      l.max_guests,
      c.number as currency_number,
      least(
        r.nightly_amount,
        r.weekend_nightly_amount,
        (select min(d.nightly_amount) from app_public.dated_rates d
          where r.has_dated_rates and d.listing_id = l.id)
      ) as nightly_floor_amount,
      (round(10000 * (l.review_rating_sum + coalesce(i.rating * i.review_count, 0) / 2 + 45)
        / (l.review_count + coalesce(i.review_count, 0) / 2.0 + 10))
        + least(l.review_count + coalesce(i.review_count, 0) / 2, 50) * 20
        + (select least(count(*), 20) * 25 from app_public.listing_photos p where p.listing_id = l.id)
        + case l.booking_mode when 'instant' then 200 else 0 end
      )::integer as score,
      (select coalesce(bit_or(1::bigint << b.bit), 0) from app_hidden.search_bits b
        where case b.kind
          when 'type' then b.code = l.type::text
          when 'booking_mode' then b.code = l.booking_mode::text
          when 'rating' then l.review_count > 0
            and l.review_rating_sum >= b.code::numeric * l.review_count
        end
      ) | (select coalesce(bit_or(1::bigint << b.bit), 0)
        from app_public.listing_amenities a
        join app_hidden.search_bits b on b.kind = 'amenity' and b.code = a.amenity_code
        where a.listing_id = l.id
      ) as attrs
    from app_public.listings l
    join app_public.listing_rates r on r.listing_id = l.id
    join app_public.currencies c on c.code = r.currency
    left join app_hidden.imported_review_scores i on i.listing_id = l.id and i.rating is not null
    where l.status = 'published' and l.public_longitude is not null
      and (search_projection.only_listing_id is null or l.id = search_projection.only_listing_id)
  )
  select
    -- A square of a coarser level begins with the first bits, two a level.
    (level::bigint << 52) | (m.morton >> (2 * (13 - level))),
    f.score, f.id,
    round(f.public_longitude * 1e6)::integer, round(f.public_latitude * 1e6)::integer,
    f.nightly_floor_amount, f.attrs, f.max_guests, f.currency_number
  from facts f
  cross join lateral (
    select app_hidden.search_cell(
      0,
      floor(app_hidden.mercator_x(f.public_longitude) * (1 << 13))::integer,
      floor(app_hidden.mercator_y(f.public_latitude) * (1 << 13))::integer
    ) as morton
    offset 0
  ) m
  cross join unnest(array[0, 5, 7, 9, 11, 13]) level
$$;

comment on function app_hidden.search_projection(uuid) is
  'The rows that search_cells must have, for one listing or for all.';
--! EndIncluded search/internal/search_projection.sql
--! Included imports/internal/import_listing_parts.sql
-- Photos, amenities, rates and review scores of an imported listing; see import_listing() for the
-- shape.
create or replace function app_hidden.import_listing_parts(listing_id uuid, listing jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.listing_photos p
  where p.listing_id = import_listing_parts.listing_id
    and not listing -> 'photoUrls' ? p.url::text;
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
  delete from app_public.dated_rates d where d.listing_id = import_listing_parts.listing_id;
  if listing -> 'rates' ->> 'nightlyAmount' is not null then
    insert into app_public.listing_rates (listing_id, currency, nightly_amount)
    values (
      import_listing_parts.listing_id, listing -> 'rates' ->> 'currency',
      (listing -> 'rates' ->> 'nightlyAmount')::bigint
    )
    on conflict on constraint listing_rates_pkey do update
      set currency = excluded.currency, nightly_amount = excluded.nightly_amount;
    insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
    select import_listing_parts.listing_id, (d ->> 'nights')::daterange,
      listing -> 'rates' ->> 'currency', (d ->> 'nightlyAmount')::bigint
    from jsonb_array_elements(listing -> 'datedRates') d;
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
--! EndIncluded imports/internal/import_listing_parts.sql
--! Included imports/internal/import_nights.sql
/*
 * Replaces the imported claims of a listing by what came, less the nights that holds, bookings and
 * the host's own blocks have; holds past their time give theirs up first. The guard row is locked
 * before anything is read, as by every writer of nights.
 */
create or replace function app_hidden.import_nights(listing_id uuid, listing jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_came datemultirange;
begin
  perform app_hidden.free_expired_holds(import_nights.listing_id);
  perform from app_hidden.listing_availability a
  where a.listing_id = import_nights.listing_id and a.unit_number = 1
  for update;

  select coalesce(range_agg(n::daterange), '{}') into v_came
  from jsonb_array_elements_text(listing -> 'blockedNights') n;

  delete from app_public.calendar_claims c
  where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'import'
    and not exists (select from unnest(v_came) n where n = c.nights);
  perform app_hidden.claim_nights(import_nights.listing_id, n, 'import', unit_number => 1::smallint)
  from unnest(v_came - (
    select coalesce(range_agg(c.nights), '{}') from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1
  )) n;
end
$$;

comment on function app_hidden.import_nights(uuid, jsonb) is
  'Replaces the imported claims of a listing; bookings keep their nights.';
--! EndIncluded imports/internal/import_nights.sql
--! Included imports/internal/import_listing.sql
/*
 * Writes one listing of an import with all that belongs to it: all or nothing, by being one
 * statement. What came is compared by hash, so the same again changes nothing. A night that a
 * booking of ours has taken stays the booking's.
 *
 * listing: externalId, host {externalId, displayName, bio, avatarUrl, hostSince}, title,
 * description, houseRules, type, maxGuests, bedrooms, beds, bathrooms, minNights, maxNights,
 * bookingMode, street, city, region, countryCode, timeZone, longitude, latitude, rates {currency,
 * nightlyAmount} or null, photoUrls [..], amenityCodes [..], reviewScores {..} or null,
 * blockedNights ['[2026-01-01,2026-01-05)', ..], datedRates [{nights, nightlyAmount}, ..].
 *
 * Returns created, updated, unchanged, or host_kept: updated, but it has bookings, so it stays with
 * the host of before. Without rates or a photo the listing is a draft, also when it was published
 * before.
 *
 * Locks: the external id, then the host's, then availability. The first two are advisory, for the
 * first import of a listing has no row yet to lock; two imports of one city take turns at each
 * listing instead of making it twice.
 */
create or replace function app_private.import_listing(source text, listing jsonb) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash text := md5(listing::text);
  v_known app_private.imported_listings;
  v_host_id uuid;
  v_listing_id uuid;
  v_host_kept boolean;
begin
  perform pg_advisory_xact_lock(
    hashtextextended('import_listing/' || import_listing.source || '/' || (listing ->> 'externalId'), 0)
  );
  select i.* into v_known from app_private.imported_listings i
  where i.source = import_listing.source and i.external_id = listing ->> 'externalId';
  if v_known.content_hash = v_hash then
    return 'unchanged';
  end if;

  v_host_id := app_hidden.import_host(import_listing.source, listing -> 'host');
  v_listing_id := coalesce(v_known.listing_id, uuidv7());
  -- A booking that is taking its nights is waited for, so that it is seen below.
  perform from app_hidden.listing_availability a
  where a.listing_id = v_listing_id
  order by a.unit_number
  for update;
  -- Search follows each row of what belongs to a published listing; as a draft it is written in one
  -- go.
  update app_public.listings l set status = 'draft'
  where l.id = v_listing_id and l.status = 'published';
  insert into app_public.listings as l (
    id, host_id, title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
    min_nights, max_nights, booking_mode
  )
  values (
    v_listing_id, v_host_id, listing ->> 'title', listing ->> 'description',
    listing ->> 'houseRules', (listing ->> 'type')::app_public.listing_type,
    (listing ->> 'maxGuests')::smallint, (listing ->> 'bedrooms')::smallint,
    (listing ->> 'beds')::smallint, (listing ->> 'bathrooms')::numeric,
    (listing ->> 'minNights')::smallint, (listing ->> 'maxNights')::smallint,
    (listing ->> 'bookingMode')::app_public.booking_mode
  )
  on conflict on constraint listings_pkey do update
    set host_id = case
          when exists (select from app_public.bookings b where b.listing_id = l.id) then l.host_id
          else excluded.host_id
        end,
        title = excluded.title, description = excluded.description,
        house_rules = excluded.house_rules, type = excluded.type,
        max_guests = excluded.max_guests, bedrooms = excluded.bedrooms, beds = excluded.beds,
        bathrooms = excluded.bathrooms, min_nights = excluded.min_nights,
        max_nights = excluded.max_nights, booking_mode = excluded.booking_mode
  returning l.host_id <> v_host_id into v_host_kept;

  perform app_hidden.write_listing_address(
    v_listing_id, listing ->> 'street', listing ->> 'city', listing ->> 'countryCode',
    listing ->> 'timeZone', (listing ->> 'longitude')::double precision,
    (listing ->> 'latitude')::double precision, null, listing ->> 'region', null
  );
  perform app_hidden.import_listing_parts(v_listing_id, listing);
  perform app_hidden.import_nights(v_listing_id, listing);

  update app_public.listings l
  set status = 'published', published_at = coalesce(l.published_at, app_hidden.clock())
  where l.id = v_listing_id and l.status = 'draft'
    and exists (select from app_public.listing_rates r where r.listing_id = l.id)
    and exists (select from app_public.listing_photos p where p.listing_id = l.id);

  -- Nights that a hold has may soon be free again: no hash, so that the next import tries anew.
  if exists (
    select from app_public.calendar_claims c
    join jsonb_array_elements_text(listing -> 'blockedNights') n on c.nights && n::daterange
    where c.listing_id = v_listing_id and c.unit_number = 1 and c.kind = 'hold'
  ) then
    v_hash := '';
  end if;
  insert into app_private.imported_listings (source, external_id, listing_id, content_hash)
  values (import_listing.source, listing ->> 'externalId', v_listing_id, v_hash)
  on conflict on constraint imported_listings_pkey do update
    set content_hash = excluded.content_hash, imported_at = app_hidden.clock();
  return case
    when v_known.listing_id is null then 'created'
    when v_host_kept then 'host_kept'
    else 'updated'
  end;
end
$$;

grant execute on function app_private.import_listing(text, jsonb) to :DATABASE_AUTHENTICATOR;

comment on function app_private.import_listing(text, jsonb) is
  'Writes one imported listing, all or nothing: created, updated, unchanged or host_kept.';
--! EndIncluded imports/internal/import_listing.sql
-- Reviews without a rating do not count any more.
select app_private.rebuild_search();
-- Ids of Inside Airbnb are the same in all its cities: what was imported by city is now known by
-- its id alone. Where a city was imported under two names, the newest import is followed.
update app_private.imported_hosts h set source = 'inside-airbnb'
where h.source like 'inside-airbnb:%' and not exists (
  select from app_private.imported_hosts o
  where o.external_id = h.external_id and o.source like 'inside-airbnb%' and o.source < h.source
);
update app_private.imported_listings i set source = 'inside-airbnb'
where i.source like 'inside-airbnb:%' and not exists (
  select from app_private.imported_listings o
  where o.external_id = i.external_id and o.source like 'inside-airbnb%'
    and (o.source = 'inside-airbnb' or (o.imported_at, o.source) > (i.imported_at, i.source))
);
