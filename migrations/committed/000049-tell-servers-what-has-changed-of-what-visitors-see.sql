--! Previous: sha1:82999c78a72e7d91de33bfcbb463e45a213853e2
--! Hash: sha1:3e4ccd773286858256dc5f4385a87d50cbd30368
--! Message: tell servers what has changed of what visitors see

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     foundation/tg__tell_change.sql
--   +4 -0   listings/tables/listings.sql
--   +4 -0   listings/tables/listing_photos.sql
--   +6 -1   listings/tables/listing_amenities.sql
--   +4 -0   pricing/tables/listing_rates.sql
--   +4 -0   pricing/tables/dated_rates.sql
--   +4 -0   calendar/tables/calendar_claims.sql
--   +4 -0   reviews/tables/reviews.sql
--   +4 -0   identity/tables/users.sql
-- (npm run db:commit wrote these lines.)

--! Included foundation/tg__tell_change.sql
/*
 * Tells every server that keeps answers for visitors what has changed, once the transaction has
 * committed: `listing:<id>` or `user:<id>` on the channel staybase_changes. The arguments of the
 * trigger are the kind and the column with the id. A notification that says the same as an earlier
 * one of its transaction is sent once.
 */
create or replace function app_hidden.tg__tell_change() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids text[] := array[]::text[];
begin
  if TG_OP <> 'INSERT' then v_ids := v_ids || (to_jsonb(OLD) ->> TG_ARGV[1]); end if;
  if TG_OP <> 'DELETE' then v_ids := v_ids || (to_jsonb(NEW) ->> TG_ARGV[1]); end if;
  perform pg_notify('staybase_changes', TG_ARGV[0] || ':' || id)
  from (select distinct unnest(v_ids) as id) changed;
  return null;
end
$$;

comment on function app_hidden.tg__tell_change() is
  'Tells servers that an answer they may keep for visitors has changed.';
--! EndIncluded foundation/tg__tell_change.sql
--! Included listings/tables/listings.sql
/*
 * What is advertised and booked. What a guest reads before booking is here; the exact address is in
 * listing_addresses, the price in listing_rates, the nights in the calendar.
 */
create table if not exists app_public.listings (
  id uuid not null default uuidv7() constraint listings_pkey primary key,
  host_id uuid not null default app_public.current_user_id()
    constraint listings_host_id_fkey references app_public.users on delete restrict,
  status app_public.listing_status not null default 'draft',
  title app_public.line not null,
  description app_public.prose not null default '',
  house_rules app_public.prose,
  type app_public.listing_type not null default 'entire_home',
  max_guests smallint not null default 2,
  bedrooms smallint not null default 1,
  beds smallint not null default 1,
  bathrooms numeric(3, 1) not null default 1,
  unit_count smallint not null default 1,

  booking_mode app_public.booking_mode not null default 'instant',
  cancellation_policy app_public.cancellation_policy not null default 'moderate',
  check_in_from time not null default '15:00',
  check_out_until time not null default '11:00',
  min_nights smallint not null default 1,
  max_nights smallint not null default 365,
  advance_notice_hours smallint not null default 0,
  booking_window_days smallint not null default 365,
  preparation_days smallint not null default 0,

  -- The place as everybody may know it: set_listing_address() derives it from the exact one.
  time_zone text,
  country_code text,
  region app_public.line,
  city app_public.line,
  public_longitude double precision,
  public_latitude double precision,

  review_count integer not null default 0,
  review_rating_sum integer not null default 0,
  published_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),
  accepts_alterations boolean not null default false,
  welcomes_children boolean not null default true,
  max_infants smallint not null default 5,
  max_pets smallint not null default 5,

  constraint listings_title_has_length check (length(title) <= 200 and btrim(title) <> ''),
  constraint listings_description_is_bounded check (length(description) <= 20000),
  constraint listings_house_rules_are_bounded check (length(house_rules) <= 10000),
  -- Sixteen is where the capacity steps of search end.
  constraint listings_max_guests_fits check (max_guests between 1 and 16),
  constraint listings_max_infants_fits check (max_infants between 0 and 5),
  constraint listings_max_pets_fits check (max_pets between 0 and 5),
  constraint listings_bedrooms_fit check (bedrooms between 0 and 50),
  constraint listings_beds_fit check (beds between 0 and 100),
  constraint listings_bathrooms_fit check (bathrooms between 0 and 50),
  constraint listings_unit_count_fits check (unit_count between 1 and 100),
  constraint listings_nights_are_ordered
    check (min_nights >= 1 and max_nights between min_nights and 730),
  constraint listings_advance_notice_fits check (advance_notice_hours between 0 and 336),
  constraint listings_booking_window_fits check (booking_window_days between 1 and 730),
  constraint listings_preparation_days_fit check (preparation_days between 0 and 14),
  constraint listings_time_zone_is_known check (app_hidden.is_time_zone(time_zone)),
  constraint listings_country_code_is_iso_3166 check (app_hidden.is_country_code(country_code)),
  constraint listings_region_is_bounded check (length(region) <= 200),
  constraint listings_city_has_length check (length(city) <= 200 and btrim(city) <> ''),
  constraint listings_place_is_whole check (
    num_nulls(time_zone, country_code, city, public_longitude, public_latitude) in (0, 5)
  ),
  constraint listings_rating_sum_fits_count
    check (review_rating_sum between review_count and review_count * 5)
);

alter table app_public.listings enable row level security;
alter table app_public.listings force row level security;

-- A host's own listings, newest first.
create index if not exists listings_host_id_idx on app_public.listings (host_id, id);
-- The public list: published listings by id, without reading the others.
create index if not exists listings_published_idx on app_public.listings (id)
  where status = 'published';

create or replace trigger _090_if_match
  before update on app_public.listings
  for each row when (current_setting('staybase.if_match', true) <> '')
  execute function app_hidden.tg__if_match();

create or replace trigger _100_touch
  before update on app_public.listings
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.listings
  for each row execute function app_hidden.tg__append_event('listing.created', 'id', 'host_id');

create or replace trigger _600_status
  after update of status on app_public.listings
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('listing.{status}', 'id', 'host_id');

create or replace trigger _600_updated
  after update on app_public.listings
  for each row when (OLD.status = NEW.status)
  execute function app_hidden.tg__append_event('listing.updated', 'id', 'host_id');

create or replace trigger _750_tell_change
  after update or delete on app_public.listings
  for each row execute function app_hidden.tg__tell_change('listing', 'id');

comment on table app_public.listings is 'A place to stay, as advertised and booked.';
comment on column app_public.listings.id is 'Public id of the listing.';
comment on column app_public.listings.host_id is 'Who offers it.';
comment on column app_public.listings.status is 'Only published listings are seen by everybody.';
comment on column app_public.listings.title is 'Headline, 1 to 200 characters.';
comment on column app_public.listings.description is 'What the place is like, plain text.';
comment on column app_public.listings.house_rules is 'What the host expects of guests, plain text.';
comment on column app_public.listings.type is 'What a guest gets: a whole home or some room.';
comment on column app_public.listings.max_guests is
  'How many people may stay, 1 to 16: adults and children from two years on.';
comment on column app_public.listings.welcomes_children is
  'Whether children and infants may stay.';
comment on column app_public.listings.max_infants is
  'How many infants under two years may stay beside the guests, 0 to 5.';
comment on column app_public.listings.max_pets is
  'How many pets may stay where the amenity pets_allowed is offered, 0 to 5.';
comment on column app_public.listings.bedrooms is 'Number of bedrooms; 0 is a studio.';
comment on column app_public.listings.beds is 'Number of beds.';
comment on column app_public.listings.bathrooms is
  'Number of bathrooms; .5 is a toilet without a bath.';
comment on column app_public.listings.unit_count is
  'How many identical units can be booked side by side.';
comment on column app_public.listings.booking_mode is
  'Whether a guest books at once or asks first.';
comment on column app_public.listings.cancellation_policy is 'What a guest gets back who cancels.';
comment on column app_public.listings.check_in_from is 'Local time from which guests may arrive.';
comment on column app_public.listings.check_out_until is
  'Local time by which guests must have left.';
comment on column app_public.listings.min_nights is 'The shortest stay.';
comment on column app_public.listings.max_nights is 'The longest stay.';
comment on column app_public.listings.advance_notice_hours is
  'Hours between booking and the earliest check-in.';
comment on column app_public.listings.booking_window_days is
  'How many days ahead a stay may begin.';
comment on column app_public.listings.accepts_alterations is
  'Whether a guest''s change of a stay is accepted at once where it keeps to the restrictions and '
  'costs no less; else the host is asked.';
comment on column app_public.listings.preparation_days is 'Nights kept free after each stay.';
comment on column app_public.listings.time_zone is 'IANA zone whose local dates the stays are in.';
comment on column app_public.listings.country_code is 'ISO 3166-1 alpha-2 code of the country.';
comment on column app_public.listings.region is 'State, province or the like.';
comment on column app_public.listings.city is 'City or village.';
comment on column app_public.listings.public_longitude is
  'Degrees east, moved some 200 m from the true place.';
comment on column app_public.listings.public_latitude is
  'Degrees north, moved some 200 m from the true place.';
comment on column app_public.listings.review_count is
  'How many reviews of the listing are published.';
comment on column app_public.listings.review_rating_sum is
  'Sum of the overall ratings (1 to 5) of those reviews.';
comment on column app_public.listings.published_at is 'When it was first published.';
comment on column app_public.listings.created_at is 'When the draft was begun.';
comment on column app_public.listings.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint listings_title_has_length on app_public.listings is
  'INVALID_INPUT: A title has 1 to 200 characters.';
comment on constraint listings_description_is_bounded on app_public.listings is
  'INVALID_INPUT: A description has 20000 characters at most.';
comment on constraint listings_house_rules_are_bounded on app_public.listings is
  'INVALID_INPUT: House rules have 10000 characters at most.';
comment on constraint listings_max_guests_fits on app_public.listings is
  'INVALID_INPUT: A listing takes 1 to 16 guests.';
comment on constraint listings_max_infants_fits on app_public.listings is
  'INVALID_INPUT: Infants are 0 to 5.';
comment on constraint listings_max_pets_fits on app_public.listings is
  'INVALID_INPUT: Pets are 0 to 5.';
comment on constraint listings_bedrooms_fit on app_public.listings is
  'INVALID_INPUT: A listing has 0 to 50 bedrooms.';
comment on constraint listings_beds_fit on app_public.listings is
  'INVALID_INPUT: A listing has 0 to 100 beds.';
comment on constraint listings_bathrooms_fit on app_public.listings is
  'INVALID_INPUT: A listing has 0 to 50 bathrooms; a half counts.';
comment on constraint listings_unit_count_fits on app_public.listings is
  'INVALID_INPUT: A listing has 1 to 100 units.';
comment on constraint listings_nights_are_ordered on app_public.listings is
  'INVALID_INPUT: A stay has from 1 to 730 nights, and the least is not above the most.';
comment on constraint listings_advance_notice_fits on app_public.listings is
  'INVALID_INPUT: Advance notice is from 0 to 336 hours.';
comment on constraint listings_booking_window_fits on app_public.listings is
  'INVALID_INPUT: The booking window is from 1 to 730 days.';
comment on constraint listings_preparation_days_fit on app_public.listings is
  'INVALID_INPUT: Preparation takes 0 to 14 days.';
comment on constraint listings_time_zone_is_known on app_public.listings is
  'INVALID_INPUT: A time zone is an IANA name, such as Europe/Lisbon.';
comment on constraint listings_country_code_is_iso_3166 on app_public.listings is
  'INVALID_INPUT: A country is its ISO 3166 code, such as PT.';
comment on constraint listings_region_is_bounded on app_public.listings is
  'INVALID_INPUT: A region has 200 characters at most.';
comment on constraint listings_city_has_length on app_public.listings is
  'INVALID_INPUT: A city has 1 to 200 characters.';
comment on constraint listings_place_is_whole on app_public.listings is
  'INVALID_INPUT: A place has a city, a country, a time zone and a point.';
comment on constraint listings_rating_sum_fits_count on app_public.listings is
  'INTERNAL: Each review adds 1 to 5 to the sum.';
--! EndIncluded listings/tables/listings.sql
--! Included listings/tables/listing_photos.sql
create table if not exists app_public.listing_photos (
  id uuid not null default uuidv7() constraint listing_photos_pkey primary key,
  listing_id uuid not null
    constraint listing_photos_listing_id_fkey references app_public.listings on delete cascade,
  url app_public.web_url not null,
  caption app_public.line not null default '',
  position smallint not null default 0,
  created_at timestamptz not null default app_hidden.clock(),

  constraint listing_photos_caption_is_bounded check (length(caption) <= 500),
  constraint listing_photos_position_fits check (position between 0 and 999)
);

alter table app_public.listing_photos enable row level security;
alter table app_public.listing_photos force row level security;

-- Photos are always read for one listing, in order.
create index if not exists listing_photos_listing_id_idx
  on app_public.listing_photos (listing_id, position, id);

create or replace trigger _600_updated
  after insert or update or delete on app_public.listing_photos
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.listing_photos
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.listing_photos is 'A photo of a listing.';
comment on column app_public.listing_photos.id is 'Public id of the photo.';
comment on column app_public.listing_photos.listing_id is 'The listing it shows.';
comment on column app_public.listing_photos.url is 'Where the picture is.';
comment on column app_public.listing_photos.caption is 'What it shows.';
comment on column app_public.listing_photos.position is
  'Photos are shown by rising position; the first is the cover.';
comment on column app_public.listing_photos.created_at is 'When it was added.';

-- What a client is told: the code, and the sentence.
comment on constraint listing_photos_caption_is_bounded on app_public.listing_photos is
  'INVALID_INPUT: A caption has 500 characters at most.';
comment on constraint listing_photos_position_fits on app_public.listing_photos is
  'INVALID_INPUT: A position is from 0 to 999.';
--! EndIncluded listings/tables/listing_photos.sql
--! Included listings/tables/listing_amenities.sql
create table if not exists app_public.listing_amenities (
  listing_id uuid not null
    constraint listing_amenities_listing_id_fkey references app_public.listings on delete cascade,
  amenity_code text not null
    constraint listing_amenities_amenity_code_fkey
      references app_public.amenities on delete restrict,

  constraint listing_amenities_pkey primary key (listing_id, amenity_code)
);

alter table app_public.listing_amenities enable row level security;
alter table app_public.listing_amenities force row level security;

-- For the foreign key: an amenity is only removed when nobody offers it.
create index if not exists listing_amenities_amenity_code_idx
  on app_public.listing_amenities (amenity_code);

create or replace trigger _600_updated
  after insert or delete on app_public.listing_amenities
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.listing_amenities
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.listing_amenities is 'An amenity that a listing offers.';
comment on column app_public.listing_amenities.listing_id is 'The listing that offers it.';
comment on column app_public.listing_amenities.amenity_code is 'What is offered.';
--! EndIncluded listings/tables/listing_amenities.sql
--! Included pricing/tables/listing_rates.sql
/*
 * What a listing costs. The currency is here, once, and all other prices of the listing refer to
 * it.
 */
create table if not exists app_public.listing_rates (
  listing_id uuid not null
    constraint listing_rates_pkey primary key
    constraint listing_rates_listing_id_fkey references app_public.listings on delete cascade,
  currency text not null
    constraint listing_rates_currency_fkey references app_public.currencies on delete restrict,
  nightly_amount bigint not null,
  weekend_nightly_amount bigint,
  cleaning_fee_amount bigint not null default 0,
  extra_guest_fee_amount bigint not null default 0,
  guests_included smallint not null default 1,
  -- Kept by dated_rates: most listings have none, and search need not look.
  has_dated_rates boolean not null default false,
  pet_fee_amount bigint not null default 0,

  -- Dated rates refer to both, so that they cannot be in another currency.
  constraint listing_rates_currency_key unique (listing_id, currency),
  -- The bounds keep any total far from the end of bigint: 730 nights, 16 guests, fees.
  constraint listing_rates_nightly_amount_is_positive
    check (nightly_amount between 1 and 100000000000),
  constraint listing_rates_weekend_nightly_amount_is_positive
    check (weekend_nightly_amount between 1 and 100000000000),
  constraint listing_rates_cleaning_fee_amount_is_not_negative
    check (cleaning_fee_amount between 0 and 100000000000),
  constraint listing_rates_extra_guest_fee_amount_is_not_negative
    check (extra_guest_fee_amount between 0 and 100000000000),
  constraint listing_rates_pet_fee_amount_is_not_negative
    check (pet_fee_amount between 0 and 100000000000),
  constraint listing_rates_guests_included_fit check (guests_included between 1 and 16)
);

alter table app_public.listing_rates enable row level security;
alter table app_public.listing_rates force row level security;

create index if not exists listing_rates_currency_idx on app_public.listing_rates (currency);

create or replace trigger _600_updated
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.listing_rates is 'What a listing costs, before dates are known.';
comment on column app_public.listing_rates.listing_id is 'The listing.';
comment on column app_public.listing_rates.currency is 'ISO 4217 currency of all its prices.';
comment on column app_public.listing_rates.nightly_amount is
  'Base rate of a night, in minor units.';
comment on column app_public.listing_rates.weekend_nightly_amount is
  'Rate of Friday and Saturday nights, in minor units; null where it is the base rate.';
comment on column app_public.listing_rates.cleaning_fee_amount is
  'Cleaning fee of a stay, in minor units.';
comment on column app_public.listing_rates.pet_fee_amount is
  'Fee for a stay with pets, however many, in minor units.';
comment on column app_public.listing_rates.extra_guest_fee_amount is
  'Fee for each night and each guest beyond those included, in minor units.';
comment on column app_public.listing_rates.guests_included is
  'How many guests the nightly rate covers.';
comment on column app_public.listing_rates.has_dated_rates is
  'Whether some dates have a rate of their own.';

-- What a client is told: the code, and the sentence.
comment on constraint listing_rates_currency_key on app_public.listing_rates is
  'INTERNAL: A listing has one currency.';
comment on constraint listing_rates_nightly_amount_is_positive on app_public.listing_rates is
  'INVALID_AMOUNT: A nightly rate is from 1 to 100000000000 minor units.';
comment on constraint listing_rates_weekend_nightly_amount_is_positive
  on app_public.listing_rates is
  'INVALID_AMOUNT: A weekend rate is from 1 to 100000000000 minor units.';
comment on constraint listing_rates_cleaning_fee_amount_is_not_negative
  on app_public.listing_rates is
  'INVALID_AMOUNT: A cleaning fee is from 0 to 100000000000 minor units.';
comment on constraint listing_rates_pet_fee_amount_is_not_negative on app_public.listing_rates is
  'INVALID_AMOUNT: A pet fee is from 0 to 100000000000 minor units.';
comment on constraint listing_rates_extra_guest_fee_amount_is_not_negative
  on app_public.listing_rates is
  'INVALID_AMOUNT: A fee for extra guests is from 0 to 100000000000 minor units.';
comment on constraint listing_rates_guests_included_fit on app_public.listing_rates is
  'INVALID_INPUT: The rate includes 1 to 16 guests.';
--! EndIncluded pricing/tables/listing_rates.sql
--! Included pricing/tables/dated_rates.sql
/*
 * Nights with a rate of their own, as ranges. They go before the weekend and the base rate.
 */
create table if not exists app_public.dated_rates (
  listing_id uuid not null,
  nights daterange not null,
  currency text not null,
  nightly_amount bigint not null,

  -- A night has one rate.
  constraint dated_rates_pkey primary key (listing_id, nights without overlaps),
  constraint dated_rates_listing_fkey foreign key (listing_id, currency)
    references app_public.listing_rates (listing_id, currency) on delete cascade,
  constraint dated_rates_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint dated_rates_nightly_amount_is_positive
    check (nightly_amount between 1 and 100000000000)
);

alter table app_public.dated_rates enable row level security;
alter table app_public.dated_rates force row level security;

-- Pricing reads the ranges that end after check-in, and stops at check-out: cheaper than the GiST
-- key.
create index if not exists dated_rates_listing_id_idx
  on app_public.dated_rates (listing_id, currency, upper(nights));

create or replace trigger _600_updated
  after insert or update or delete on app_public.dated_rates
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.dated_rates
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.dated_rates is 'Nights of a listing that have a rate of their own.';
comment on column app_public.dated_rates.listing_id is 'The listing.';
comment on column app_public.dated_rates.nights is 'The nights, from the first to before the end.';
comment on column app_public.dated_rates.currency is 'ISO 4217 currency, always the listing''s.';
comment on column app_public.dated_rates.nightly_amount is
  'Rate of each of these nights, in minor units.';

-- What a client is told: the code, and the sentence.
comment on constraint dated_rates_nights_are_finite on app_public.dated_rates is
  'INVALID_INPUT: The nights have a first and a last day.';
comment on constraint dated_rates_nightly_amount_is_positive on app_public.dated_rates is
  'INVALID_AMOUNT: A nightly rate is from 1 to 100000000000 minor units.';
--! EndIncluded pricing/tables/dated_rates.sql
--! Included calendar/tables/calendar_claims.sql
/*
 * The one place where nights are taken: holds, bookings, blocks and imported events alike. Only
 * live claims have rows: to free nights is to delete the claim.
 */
create table if not exists app_public.calendar_claims (
  id uuid not null default uuidv7() constraint calendar_claims_pkey primary key,
  listing_id uuid not null,
  unit_number smallint not null,
  nights daterange not null,
  kind app_public.claim_kind not null,
  booking_id uuid,
  expires_at timestamptz,
  note app_public.prose not null default '',
  created_at timestamptz not null default app_hidden.clock(),
  alteration_id uuid,

  -- N1: no night of a unit has two live claims, whoever wrote them. The guard row decides first
  -- (two inserts that meet on this constraint deadlock); this stands behind it.
  constraint calendar_claims_nights_excl
    exclude using gist (listing_id with =, unit_number with =, nights with &&),
  constraint calendar_claims_unit_fkey
    foreign key (listing_id, unit_number)
    references app_hidden.listing_availability (listing_id, unit_number) on delete cascade,
  constraint calendar_claims_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint calendar_claims_kind_has_booking
    check ((kind in ('hold', 'booking')) = (booking_id is not null)),
  constraint calendar_claims_alteration_has_booking
    check (alteration_id is null or (kind = 'hold' and booking_id is not null)),
  constraint calendar_claims_only_holds_expire check (expires_at is null or kind = 'hold'),
  constraint calendar_claims_note_is_bounded check (length(note) <= 500)
);

alter table app_public.calendar_claims enable row level security;
alter table app_public.calendar_claims force row level security;

-- A host's calendar in order, and the foreign key to the unit.
create index if not exists calendar_claims_unit_idx
  on app_public.calendar_claims (listing_id, unit_number, lower(nights));

-- One claim a booking; a change that waits for its payment has claims beside it.
create unique index if not exists calendar_claims_one_a_booking
  on app_public.calendar_claims (booking_id) where alteration_id is null;
create index if not exists calendar_claims_booking_id_idx
  on app_public.calendar_claims (booking_id);
create index if not exists calendar_claims_alteration_id_idx
  on app_public.calendar_claims (alteration_id);

-- Holds past their time are found by this, for one listing or for all.
create index if not exists calendar_claims_expires_at_idx
  on app_public.calendar_claims (expires_at, listing_id) where expires_at is not null;

-- Holds whose bank decides; there are few.
create index if not exists calendar_claims_processing_idx
  on app_public.calendar_claims (listing_id) where kind = 'hold' and expires_at is null;

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.calendar_claims
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.calendar_claims is
  'Nights of a unit that are taken; visible to its host.';
comment on column app_public.calendar_claims.id is 'Public id of the claim.';
comment on column app_public.calendar_claims.listing_id is 'The listing.';
comment on column app_public.calendar_claims.unit_number is
  'Which of the listing''s identical units, from 1.';
comment on column app_public.calendar_claims.nights is
  'The nights from the first to before the end; the listing''s preparation days after a stay '
  'included.';
comment on column app_public.calendar_claims.kind is 'Why the nights are taken.';
comment on column app_public.calendar_claims.booking_id is
  'The booking that takes them, for holds and bookings.';
comment on column app_public.calendar_claims.expires_at is
  'When a hold ends, which is ten minutes after the guest''s time where Stripe has to be asked '
  'whether they paid; null for what lasts, and while a payment is being processed.';
comment on column app_public.calendar_claims.note is 'The host''s own note.';
comment on column app_public.calendar_claims.alteration_id is
  'The change of the booking that holds them until its difference is paid.';
comment on column app_public.calendar_claims.created_at is 'When they were taken.';

-- What a client is told: the code, and the sentence.
comment on constraint calendar_claims_nights_excl on app_public.calendar_claims is
  'DATES_UNAVAILABLE: These nights are taken.';
comment on constraint calendar_claims_alteration_has_booking on app_public.calendar_claims is
  'INTERNAL: Nights that a change holds belong to its booking.';
comment on constraint calendar_claims_nights_are_finite on app_public.calendar_claims is
  'INVALID_INPUT: The nights have a first and a last day.';
comment on constraint calendar_claims_kind_has_booking on app_public.calendar_claims is
  'INTERNAL: A hold or a booking of nights belongs to a booking.';
comment on constraint calendar_claims_only_holds_expire on app_public.calendar_claims is
  'INTERNAL: Only a hold expires.';
comment on constraint calendar_claims_note_is_bounded on app_public.calendar_claims is
  'INVALID_INPUT: A note has 500 characters at most.';
--! EndIncluded calendar/tables/calendar_claims.sql
--! Included reviews/tables/reviews.sql
/*
 * What people say of each other after a stay. Guests rate the stay, hosts the guest: one a booking
 * and direction. An unpublished review (published_at null) is invisible to the other side, which is
 * how both can be written blind; today a guest's review is published at once.
 */
create table if not exists app_public.reviews (
  id uuid not null default uuidv7() constraint reviews_pkey primary key,
  booking_id uuid not null
    constraint reviews_booking_id_fkey references app_public.bookings on delete restrict,
  listing_id uuid not null
    constraint reviews_listing_id_fkey references app_public.listings on delete restrict,
  direction app_public.review_direction not null,
  author_id uuid not null
    constraint reviews_author_id_fkey references app_public.users on delete restrict,
  subject_id uuid not null
    constraint reviews_subject_id_fkey references app_public.users on delete restrict,
  rating smallint not null,
  cleanliness_rating smallint,
  accuracy_rating smallint,
  check_in_rating smallint,
  communication_rating smallint,
  location_rating smallint,
  value_rating smallint,
  comment app_public.prose not null,
  published_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),

  -- One review a booking and direction.
  constraint reviews_booking_id_key unique (booking_id, direction),
  constraint reviews_rating_fits check (rating between 1 and 5),
  constraint reviews_cleanliness_rating_fits check (cleanliness_rating between 1 and 5),
  constraint reviews_accuracy_rating_fits check (accuracy_rating between 1 and 5),
  constraint reviews_check_in_rating_fits check (check_in_rating between 1 and 5),
  constraint reviews_communication_rating_fits check (communication_rating between 1 and 5),
  constraint reviews_location_rating_fits check (location_rating between 1 and 5),
  constraint reviews_value_rating_fits check (value_rating between 1 and 5),
  constraint reviews_comment_has_length check (length(btrim(comment)) between 1 and 5000)
);

alter table app_public.reviews enable row level security;
alter table app_public.reviews force row level security;

-- The reviews of a listing, newest first.
create index if not exists reviews_listing_id_idx on app_public.reviews (listing_id, id);
create index if not exists reviews_author_id_idx on app_public.reviews (author_id);
create index if not exists reviews_subject_id_idx on app_public.reviews (subject_id);

create or replace trigger _600_created
  after insert on app_public.reviews
  for each row execute function
    app_hidden.tg__append_event('review.created', 'id', 'booking_id', 'listing_id');

create or replace trigger _610_published
  after insert on app_public.reviews
  for each row when (NEW.published_at is not null)
  execute function
    app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

create or replace trigger _620_published
  after update of published_at on app_public.reviews
  for each row when (OLD.published_at is null and NEW.published_at is not null)
  execute function
    app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.reviews
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.reviews is 'What a guest says of a stay, or a host of a guest.';
comment on column app_public.reviews.id is 'Public id of the review.';
comment on column app_public.reviews.booking_id is 'The stay it is about.';
comment on column app_public.reviews.listing_id is 'Where the stay was.';
comment on column app_public.reviews.direction is 'Who reviews whom.';
comment on column app_public.reviews.author_id is 'Who wrote it.';
comment on column app_public.reviews.subject_id is 'Who it is about: the host, or the guest.';
comment on column app_public.reviews.rating is 'Overall, 1 to 5.';
comment on column app_public.reviews.cleanliness_rating is '1 to 5, or null.';
comment on column app_public.reviews.accuracy_rating is '1 to 5, or null.';
comment on column app_public.reviews.check_in_rating is '1 to 5, or null.';
comment on column app_public.reviews.communication_rating is '1 to 5, or null.';
comment on column app_public.reviews.location_rating is '1 to 5, or null.';
comment on column app_public.reviews.value_rating is '1 to 5, or null.';
comment on column app_public.reviews.comment is 'Public text of 1 to 5000 characters.';
comment on column app_public.reviews.published_at is 'When everybody could read it first.';
comment on column app_public.reviews.created_at is 'When it was written.';

-- What a client is told: the code, and the sentence.
comment on constraint reviews_booking_id_key on app_public.reviews is
  'ALREADY_REVIEWED: This stay is reviewed already.';
comment on constraint reviews_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_cleanliness_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_accuracy_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_check_in_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_communication_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_location_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_value_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_comment_has_length on app_public.reviews is
  'INVALID_INPUT: A review has 1 to 5000 characters.';
--! EndIncluded reviews/tables/reviews.sql
--! Included identity/tables/users.sql
/*
 * What everybody may know of a person. What only they may know is in user_contacts, what nobody may
 * read is in app_private.user_secrets: a column that some readers may not see lives in another
 * table.
 */
create table if not exists app_public.users (
  id uuid not null default uuidv7() constraint users_pkey primary key,
  display_name app_public.line not null,
  avatar_url app_public.web_url,
  bio app_public.prose not null default '',
  languages text[] not null default '{}',
  host_since timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint users_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> ''),
  constraint users_bio_is_bounded check (length(bio) <= 5000),
  constraint users_languages_are_known check (
    case when array_ndims(languages) > 1 then false
      else cardinality(languages) <= 20 and array_position(languages, null) is null
        and app_hidden.are_language_tags(languages)
    end
  )
);

alter table app_public.users enable row level security;
alter table app_public.users force row level security;

create or replace trigger _090_if_match
  before update on app_public.users
  for each row when (current_setting('staybase.if_match', true) <> '')
  execute function app_hidden.tg__if_match();

create or replace trigger _100_touch
  before update on app_public.users
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.users
  for each row execute function app_hidden.tg__append_event('person.created', 'id');

create or replace trigger _600_updated
  after update on app_public.users
  for each row execute function app_hidden.tg__append_event('person.updated', 'id');

create or replace trigger _750_tell_change
  after update or delete on app_public.users
  for each row execute function app_hidden.tg__tell_change('user', 'id');

comment on table app_public.users is 'A person: guest, host, or both.';
comment on column app_public.users.id is 'Public id of the person.';
comment on column app_public.users.display_name is 'The name others see.';
comment on column app_public.users.avatar_url is 'A picture of the person.';
comment on column app_public.users.bio is 'What the person says about themselves.';
comment on column app_public.users.languages is 'Languages the person speaks, as BCP 47 tags.';
comment on column app_public.users.host_since is
  'When the person created their first listing; null for guests.';
comment on column app_public.users.created_at is 'Member since.';
comment on column app_public.users.updated_at is 'When the profile last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint users_display_name_has_length on app_public.users is
  'INVALID_INPUT: A name has 1 to 80 characters.';
comment on constraint users_bio_is_bounded on app_public.users is
  'INVALID_INPUT: A bio has 5000 characters at most.';
comment on constraint users_languages_are_known on app_public.users is
  'INVALID_INPUT: Languages are at most 20 known codes, such as pt or pt-BR.';
--! EndIncluded identity/tables/users.sql
