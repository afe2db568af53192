--! Previous: sha1:36515789ff6945e41c8cd395ca77b997ba6da57c
--! Hash: sha1:d25a63193cfe2e8f545575b10bd5d39142373f01
--! Message: Let the newest snapshot count, and sell no unknown night

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     imports/tables/imported_hosts.sql
--   new     imports/tables/imported_listings.sql
--   new     imports/internal/import_host.sql
--   +3 -5   imports/internal/import_listing_parts.sql
--   new     imports/internal/import_dated_rates.sql
--   +23 -11 imports/internal/import_nights.sql
--   +109 -60 imports/server/import_listing.sql
-- (npm run db:commit wrote these lines.)

alter table app_private.imported_hosts
  add column if not exists scraped_on date not null default '-infinity',
  add column if not exists told_by text not null default '';
alter table app_private.imported_listings
  add column if not exists scraped_on date not null default '-infinity',
  add column if not exists nights_scraped_on date not null default '-infinity',
  add column if not exists nights_told integer not null default 0,
  add column if not exists blocked_nights datemultirange;
-- What an import has blocked stays known. Where it has blocked nothing, perhaps no calendar came:
-- the next import tells, or blocks.
update app_private.imported_listings i
set blocked_nights = c.nights
from (
  select c.listing_id, range_agg(c.nights) as nights from app_public.calendar_claims c
  where c.kind = 'import' and c.unit_number = 1
  group by c.listing_id
) c
where c.listing_id = i.listing_id and i.blocked_nights is null;
drop function if exists app_hidden.import_nights(uuid, jsonb);
drop function if exists app_hidden.import_host(text, jsonb);
--! Included imports/tables/imported_hosts.sql
/*
 * Which of our people stands for whom of a source, so that importing again finds them. Imported
 * hosts have no contacts and cannot sign in; nothing is invented for them.
 */
create table if not exists app_private.imported_hosts (
  source text not null,
  external_id text not null,
  user_id uuid not null
    constraint imported_hosts_user_id_fkey references app_public.users on delete cascade,
  -- The snapshot, and the listing in it, that tells who they are.
  scraped_on date not null default '-infinity',
  told_by text not null default '',

  constraint imported_hosts_pkey primary key (source, external_id)
);

alter table app_private.imported_hosts enable row level security;
alter table app_private.imported_hosts force row level security;

create index if not exists imported_hosts_user_id_idx on app_private.imported_hosts (user_id);

comment on table app_private.imported_hosts is 'Hosts that came with an import.';
--! EndIncluded imports/tables/imported_hosts.sql
--! Included imports/tables/imported_listings.sql
create table if not exists app_private.imported_listings (
  source text not null,
  external_id text not null,
  listing_id uuid not null
    constraint imported_listings_listing_id_fkey references app_public.listings on delete cascade,
  content_hash text not null,
  imported_at timestamptz not null default app_hidden.clock(),
  -- The snapshots that the listing and its nights are of, and how many nights that one tells.
  scraped_on date not null default '-infinity',
  nights_scraped_on date not null default '-infinity',
  nights_told integer not null default 0,
  -- What the last calendar that was read does not sell; null where there was none.
  blocked_nights datemultirange,

  constraint imported_listings_pkey primary key (source, external_id)
);

alter table app_private.imported_listings enable row level security;
alter table app_private.imported_listings force row level security;

create index if not exists imported_listings_listing_id_idx
  on app_private.imported_listings (listing_id);

comment on table app_private.imported_listings is
  'Listings that came with an import, and the hash of what came, so that the same again changes '
  'nothing.';
--! EndIncluded imports/tables/imported_listings.sql
--! Included imports/internal/import_host.sql
/*
 * Hosts have several listings, and listings are imported several at a time: the lock lets the
 * second one find the person whom the first one made. Each listing tells of its host, and the
 * newest counts; of the same day, that with the highest id, so that any order has the same end.
 */
create or replace function app_hidden.import_host(
  source text, host jsonb, scraped_on date, told_by text, out user_id uuid, out is_changed boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_known app_private.imported_hosts;
begin
  perform pg_advisory_xact_lock(
    hashtextextended('import_host/' || import_host.source || '/' || (host ->> 'externalId'), 0)
  );
  is_changed := false;
  select h.* into v_known from app_private.imported_hosts h
  where h.source = import_host.source and h.external_id = host ->> 'externalId';
  user_id := v_known.user_id;
  if user_id is null then
    insert into app_public.users (display_name, bio, avatar_url, host_since)
    values (host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl',
      coalesce((host ->> 'hostSince')::timestamptz, app_hidden.clock()))
    returning id into user_id;
  elsif row(import_host.scraped_on, import_host.told_by collate "C")
    >= row(v_known.scraped_on, v_known.told_by collate "C") then
    update app_public.users u
    set display_name = host ->> 'displayName', bio = coalesce(host ->> 'bio', ''),
        avatar_url = host ->> 'avatarUrl',
        host_since = coalesce((host ->> 'hostSince')::timestamptz, u.host_since)
    where u.id = v_known.user_id
      and row(u.display_name, u.bio, u.avatar_url::text, u.host_since) is distinct from
        row(host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl',
          coalesce((host ->> 'hostSince')::timestamptz, u.host_since));
    is_changed := found;
  else
    return;
  end if;
  insert into app_private.imported_hosts (source, external_id, user_id, scraped_on, told_by)
  values (
    import_host.source, host ->> 'externalId', import_host.user_id, import_host.scraped_on,
    import_host.told_by
  )
  on conflict on constraint imported_hosts_pkey do update
    set scraped_on = excluded.scraped_on, told_by = excluded.told_by
    where (imported_hosts.scraped_on, imported_hosts.told_by)
      <> (excluded.scraped_on, excluded.told_by);
end
$$;

comment on function app_hidden.import_host(text, jsonb, date, text) is
  'The person for a host of an import, made or brought up to date.';
--! EndIncluded imports/internal/import_host.sql
--! Included imports/internal/import_listing_parts.sql
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
--! EndIncluded imports/internal/import_listing_parts.sql
--! Included imports/internal/import_dated_rates.sql
/*
 * Replaces the dated rates of an imported listing by those of its calendar. Those in another
 * currency than its rates, which a newer snapshot may have brought, cannot be kept.
 */
create or replace function app_hidden.import_dated_rates(listing_id uuid, listing jsonb)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.dated_rates d where d.listing_id = import_dated_rates.listing_id;
  insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
  select r.listing_id, (d ->> 'nights')::daterange, r.currency, (d ->> 'nightlyAmount')::bigint
  from app_public.listing_rates r
  cross join jsonb_array_elements(listing -> 'datedRates') d
  where r.listing_id = import_dated_rates.listing_id
    and r.currency = listing -> 'rates' ->> 'currency';
end
$$;

comment on function app_hidden.import_dated_rates(uuid, jsonb) is
  'Replaces the dated rates of an imported listing by those of its calendar.';
--! EndIncluded imports/internal/import_dated_rates.sql
--! Included imports/internal/import_nights.sql
/*
 * Replaces the imported claims of a listing by the nights that are blocked, less those that holds,
 * bookings and the host's own blocks have; holds past their time give theirs up first. Null is a
 * listing whose nights no calendar has told: all are blocked, for what is not known to be free is
 * not sold, unless the operator assumes that they are free. The guard row is locked before anything
 * is read, as by every writer of nights.
 *
 * Returns whether a hold keeps some of the nights for now.
 */
create or replace function app_hidden.import_nights(
  listing_id uuid, blocked datemultirange, assume_free boolean
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_blocked datemultirange := coalesce(
    blocked, case
      when assume_free then '{}'::datemultirange else '{[2000-01-01,2101-01-01)}'::datemultirange
    end
  );
begin
  perform app_hidden.expire_listing_holds(import_nights.listing_id);
  perform app_hidden.lock_units(import_nights.listing_id);

  delete from app_public.calendar_claims c
  where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'import'
    and not exists (select from unnest(v_blocked) n where n = c.nights);
  perform app_hidden.claim_nights(import_nights.listing_id, n, 'import', unit_number => 1::smallint)
  from unnest(v_blocked - (
    select coalesce(range_agg(c.nights), '{}') from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1
  )) n;
  return exists (
    select from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'hold'
      and c.nights && v_blocked
  );
end
$$;

comment on function app_hidden.import_nights(uuid, datemultirange, boolean) is
  'Replaces the imported claims of a listing; bookings keep their nights.';
--! EndIncluded imports/internal/import_nights.sql
--! Included imports/server/import_listing.sql
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
--! EndIncluded imports/server/import_listing.sql
