/*
 * Writes one listing of an import with all that belongs to it: all or nothing, by being one
 * statement. What came is compared by hash, so the same again changes nothing. A night that a
 * booking of ours has taken stays the booking's.
 *
 * The newest snapshot counts, whichever comes last: its listing, the calendar of the newest
 * snapshot that has one, and for each host what the newest of their listings says. Of the same day,
 * the later import counts; of its calendars, the later of those that tell the most nights.
 *
 * listing: scrapedOn (the day of the snapshot; without one it is the oldest), externalId, host
 * {externalId, displayName, bio, avatarUrl, hostSince}, title, description, houseRules, type,
 * maxGuests, bedrooms, beds, bathrooms, minNights, maxNights, bookingMode, street, city, region,
 * countryCode, timeZone, longitude, latitude, rates {currency, nightlyAmount} or null, photoUrls
 * [..], amenityCodes [..], reviewScores {..} or null, blockedNights
 * ['[2026-01-01,2026-01-05)', ..], toldNights (how many nights the calendar tells), datedRates
 * [{nights, nightlyAmount}, ..], assumeFree. Without blockedNights the calendar is not known: see
 * import_nights().
 *
 * Returns created, updated, unchanged, older (a newer one is known), or host_kept: updated, but it
 * has bookings, so it stays with the host of before. Without rates or a photo the listing is a
 * draft, also when it was published before.
 *
 * Locks: the external id, the host's, the host's row, then the listing, then its units. The first
 * two are advisory, for the first import of a listing has no row yet to lock; two imports of one
 * city take turns at each listing instead of making it twice.
 */
create or replace function app_private.import_listing(source text, listing jsonb) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_scraped_on date := coalesce((listing ->> 'scrapedOn')::date, '-infinity');
  -- The host is compared by itself: other listings change it too.
  v_hash text := md5(
    (listing - 'scrapedOn' - 'host')::text || coalesce(listing -> 'host' ->> 'externalId', '')
  );
  v_nights_told integer := coalesce((listing ->> 'toldNights')::integer, 0);
  v_known app_private.imported_listings;
  v_host record;
  v_listing_id uuid;
  v_is_newest boolean;
  v_tells_nights boolean;
  v_host_kept boolean := false;
begin
  perform pg_advisory_xact_lock(
    hashtextextended(
      'import_listing/' || import_listing.source || '/' || (listing ->> 'externalId'), 0
    )
  );
  select i.* into v_known from app_private.imported_listings i
  where i.source = import_listing.source and i.external_id = listing ->> 'externalId';
  v_is_newest := v_known.listing_id is null or v_scraped_on >= v_known.scraped_on;
  v_tells_nights := jsonb_typeof(listing -> 'blockedNights') is not distinct from 'array' and (
    v_known.blocked_nights is null
    or row(v_scraped_on, v_nights_told) >= row(v_known.nights_scraped_on, v_known.nights_told)
  );

  select h.* into v_host
  from app_hidden.import_host(
    import_listing.source, listing -> 'host', v_scraped_on, listing ->> 'externalId'
  ) h;
  if v_is_newest and v_known.content_hash = v_hash
    and (not v_tells_nights or v_nights_told = v_known.nights_told) then
    update app_private.imported_listings i
    set scraped_on = v_scraped_on,
        nights_scraped_on = case when v_tells_nights then v_scraped_on else i.nights_scraped_on end
    where i.source = v_known.source and i.external_id = v_known.external_id
      and i.scraped_on <> v_scraped_on;
    return case when v_host.is_changed then 'updated' else 'unchanged' end;
  elsif not v_is_newest and not v_tells_nights then
    return 'older';
  end if;

  v_listing_id := coalesce(v_known.listing_id, uuidv7());
  -- The listing first, as hosts do. A booking that is taking its nights is waited for, so that it
  -- is seen below.
  perform app_hidden.lock_listing(v_listing_id);
  perform app_hidden.lock_units(v_listing_id);
  -- Search follows each row of what belongs to a published listing; as a draft it is written in one
  -- go.
  update app_public.listings l set status = 'draft'
  where l.id = v_listing_id and l.status = 'published';
  if v_is_newest then
    insert into app_public.listings as l (
      id, host_id, title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
      min_nights, max_nights, booking_mode
    )
    values (
      v_listing_id, v_host.user_id, listing ->> 'title', listing ->> 'description',
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
    returning l.host_id <> v_host.user_id into v_host_kept;

    perform app_hidden.write_listing_address(
      v_listing_id, listing ->> 'street', listing ->> 'city', listing ->> 'countryCode',
      listing ->> 'timeZone', (listing ->> 'longitude')::double precision,
      (listing ->> 'latitude')::double precision, null, listing ->> 'region', null
    );
    perform app_hidden.import_listing_parts(v_listing_id, listing);
  end if;
  if v_tells_nights then
    select coalesce(range_agg(n::daterange), '{}') into v_known.blocked_nights
    from jsonb_array_elements_text(listing -> 'blockedNights') n;
    v_known.nights_scraped_on := v_scraped_on;
    v_known.nights_told := v_nights_told;
    perform app_hidden.import_dated_rates(v_listing_id, listing);
  end if;
  -- Nights that a hold has may soon be free again, and a photo that a host held may have stayed: no
  -- hash, so that the next import tries anew.
  if app_hidden.import_nights(
    v_listing_id, v_known.blocked_nights, (listing ->> 'assumeFree')::boolean
  ) or v_is_newest and exists (
    select from app_public.listing_photos p
    where p.listing_id = v_listing_id and not listing -> 'photoUrls' ? p.url::text
  ) then
    v_hash := '';
  end if;

  update app_public.listings l
  set status = 'published', published_at = coalesce(l.published_at, app_hidden.clock())
  where l.id = v_listing_id and l.status = 'draft'
    and exists (select from app_public.listing_rates r where r.listing_id = l.id)
    and exists (select from app_public.listing_photos p where p.listing_id = l.id);

  insert into app_private.imported_listings as i (
    source, external_id, listing_id, content_hash, scraped_on, nights_scraped_on, nights_told,
    blocked_nights
  )
  values (
    import_listing.source, listing ->> 'externalId', v_listing_id, v_hash, v_scraped_on,
    coalesce(v_known.nights_scraped_on, '-infinity'), coalesce(v_known.nights_told, 0),
    v_known.blocked_nights
  )
  on conflict on constraint imported_listings_pkey do update
    set content_hash = case
          when v_is_newest or v_hash = '' then excluded.content_hash else i.content_hash
        end,
        scraped_on = greatest(i.scraped_on, excluded.scraped_on),
        nights_scraped_on = excluded.nights_scraped_on, nights_told = excluded.nights_told,
        blocked_nights = excluded.blocked_nights, imported_at = app_hidden.clock();
  return case
    when v_known.listing_id is null then 'created'
    when v_host_kept then 'host_kept'
    else 'updated'
  end;
end
$$;

grant execute on function app_private.import_listing(text, jsonb) to :DATABASE_AUTHENTICATOR;

comment on function app_private.import_listing(text, jsonb) is
  'Writes one imported listing, all or nothing: created, updated, unchanged, older or host_kept.';
