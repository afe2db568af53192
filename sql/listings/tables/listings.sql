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
