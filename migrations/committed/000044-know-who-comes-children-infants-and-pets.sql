--! Previous: sha1:9626736aa55ccae597bf04826f344d46da7e19aa
--! Hash: sha1:5c82b2ace05c17941030db93eb84549fb52e965c
--! Message: know who comes: children, infants and pets

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +17 -1  listings/tables/listings.sql
--   +2 -2   listings/policies/listings.sql
--   +7 -0   pricing/tables/listing_rates.sql
--   +20 -3  quotes/tables/quotes.sql
--   +25 -1  bookings/tables/bookings.sql
--   +2 -1   quotes/types/bookability_reason.sql
--   new     quotes/types/asked_stay.sql
--   +13 -5  pricing/internal/price_stay.sql
--   +8 -5   pricing/internal/stay_line_items.sql
--   +16 -8  pricing/mutations/set_listing_rates.sql
--   new     quotes/internal/check_party.sql
--   new     quotes/internal/party_faults.sql
--   new     quotes/internal/refuse_party.sql
--   +23 -7  quotes/queries/bookability.sql
--   +8 -8   quotes/internal/require_bookable.sql
--   +11 -6  quotes/queries/quote.sql
--   +12 -6  quotes/mutations/create_quote.sql
--   +12 -8  bookings/mutations/create_booking.sql
--   +1 -1   bookings/internal/policy_refund.sql
--   +6 -3   checkout/internal/cancellation_lines.sql
--   +23 -18 checkout/internal/require_alterable.sql
--   +9 -10  checkout/internal/quote_alteration.sql
--   +4 -1   checkout/internal/apply_alteration.sql
--   +5 -1   checkout/internal/host_lets_alter.sql
--   +21 -13 checkout/mutations/propose_alteration.sql
--   +15 -4  notifications/server/mail_to_send.sql
-- (npm run db:commit wrote these lines.)

-- Children, infants and pets: who comes, what each counts for, and what a listing takes.
alter table app_public.listings add column if not exists
  welcomes_children boolean not null default true;
alter table app_public.listings add column if not exists max_infants smallint not null default 5;
alter table app_public.listings add column if not exists max_pets smallint not null default 5;
alter table app_public.listings drop constraint if exists listings_max_infants_fits;
alter table app_public.listings add constraint listings_max_infants_fits
  check (max_infants between 0 and 5);
alter table app_public.listings drop constraint if exists listings_max_pets_fits;
alter table app_public.listings add constraint listings_max_pets_fits
  check (max_pets between 0 and 5);
alter table app_public.listing_rates add column if not exists
  pet_fee_amount bigint not null default 0;
alter table app_public.listing_rates
  drop constraint if exists listing_rates_pet_fee_amount_is_not_negative;
alter table app_public.listing_rates add constraint listing_rates_pet_fee_amount_is_not_negative
  check (pet_fee_amount between 0 and 100000000000);
alter table app_public.quotes add column if not exists children smallint not null default 0;
alter table app_public.quotes add column if not exists infants smallint not null default 0;
alter table app_public.quotes add column if not exists pets smallint not null default 0;
alter table app_public.quotes add column if not exists
  adults smallint not null generated always as (guests - children) virtual;
alter table app_public.quotes drop constraint if exists quotes_party_has_an_adult;
alter table app_public.quotes add constraint quotes_party_has_an_adult
  check (children between 0 and guests - 1);
alter table app_public.quotes drop constraint if exists quotes_infants_and_pets_are_counted;
alter table app_public.quotes add constraint quotes_infants_and_pets_are_counted
  check (infants >= 0 and pets >= 0);
alter table app_public.bookings add column if not exists children smallint not null default 0;
alter table app_public.bookings add column if not exists infants smallint not null default 0;
alter table app_public.bookings add column if not exists pets smallint not null default 0;
alter table app_public.bookings add column if not exists
  adults smallint not null generated always as (guests - children) virtual;
alter table app_public.bookings drop constraint if exists bookings_party_has_an_adult;
alter table app_public.bookings add constraint bookings_party_has_an_adult
  check (children between 0 and guests - 1);
alter table app_public.bookings drop constraint if exists bookings_infants_and_pets_are_counted;
alter table app_public.bookings add constraint bookings_infants_and_pets_are_counted
  check (infants >= 0 and pets >= 0);

-- What asks for a party has other arguments.
drop function if exists app_public.bookability(uuid, date, date, integer);
drop function if exists app_public.quote(uuid, date, date, integer);
drop function if exists app_public.create_quote(uuid, date, date, integer);
drop function if exists app_hidden.require_bookable(uuid, date, date, integer);
drop function if exists app_hidden.price_stay(uuid, date, date, integer, boolean);
drop function if exists app_hidden.stay_line_items(uuid, date, date, integer);
drop function if exists app_public.set_listing_rates(
  uuid, text, bigint, bigint, bigint, bigint, integer
);
drop function if exists app_public.propose_alteration(uuid, text, date, date, integer);
drop function if exists app_hidden.require_alterable(app_public.bookings, date, date, integer);
drop function if exists app_hidden.quote_alteration(
  app_public.bookings, date, date, integer, timestamptz
);
drop function if exists app_private.mail_to_send(uuid);

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
--! Included listings/policies/listings.sql
select app_hidden.drop_policies('app_public.listings');

create policy select_published on app_public.listings for select to :DATABASE_VISITOR
  using (status = 'published');
create policy select_own on app_public.listings for select to :DATABASE_VISITOR
  using (host_id = (select app_public.current_user_id()));
create policy select_operator on app_public.listings for select to :DATABASE_OPERATOR using (true);
-- Who has booked a listing keeps seeing it when it is paused or gone.
create policy select_booked on app_public.listings for select to :DATABASE_VISITOR
  using (id in (select app_hidden.booked_listing_ids()));
create policy insert_own on app_public.listings for insert to :DATABASE_VISITOR
  with check (host_id = (select app_public.current_user_id()));
create policy update_own on app_public.listings for update to :DATABASE_VISITOR
  using (
    host_id = (select app_public.current_user_id()) and status not in ('suspended', 'archived')
  );
-- No delete: bookings refer to it; archive_listing() hides it for good.
-- No update of status: publish_listing() checks that the listing is complete.
-- No update of the place: set_listing_address() moves the public one.
-- No update of unit_count: a unit that has bookings cannot vanish.

grant select on app_public.listings to :DATABASE_VISITOR;
grant insert (
  title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms, unit_count,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days,
  accepts_alterations, welcomes_children, max_infants, max_pets
) on app_public.listings to :DATABASE_VISITOR;
grant update (
  title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days,
  accepts_alterations, welcomes_children, max_infants, max_pets
) on app_public.listings to :DATABASE_VISITOR;
--! EndIncluded listings/policies/listings.sql
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
--! Included quotes/tables/quotes.sql
/*
 * A priced offer for one stay, to one person, for half an hour. It is booked as it stands; a sold
 * price is never computed again, so a quote that was booked stays for ever.
 */
create table if not exists app_public.quotes (
  id uuid not null default uuidv7() constraint quotes_pkey primary key,
  listing_id uuid not null
    constraint quotes_listing_id_fkey references app_public.listings on delete restrict,
  guest_id uuid not null
    constraint quotes_guest_id_fkey references app_public.users on delete restrict,
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint quotes_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '30 minutes',
  cancellation_policy app_public.cancellation_policy not null,
  children smallint not null default 0,
  infants smallint not null default 0,
  pets smallint not null default 0,
  adults smallint not null generated always as (guests - children) virtual,

  -- Line items refer to both, so that they cannot be in another currency.
  constraint quotes_currency_key unique (id, currency),
  constraint quotes_stay_is_ordered check (check_in < check_out),
  constraint quotes_guests_are_positive check (guests > 0),
  constraint quotes_party_has_an_adult check (children between 0 and guests - 1),
  constraint quotes_infants_and_pets_are_counted check (infants >= 0 and pets >= 0),
  -- M7, first half: the shares are the whole. The line items are compared at commit.
  constraint quotes_shares_sum check (host_amount + platform_amount = total_amount),
  constraint quotes_amounts_are_not_negative
    check (total_amount > 0 and host_amount >= 0 and platform_amount >= 0)
);

alter table app_public.quotes enable row level security;
alter table app_public.quotes force row level security;

create index if not exists quotes_guest_id_idx on app_public.quotes (guest_id, id);
create index if not exists quotes_listing_id_idx on app_public.quotes (listing_id);
create index if not exists quotes_currency_idx on app_public.quotes (currency);

-- A price stands, for every role.
create or replace trigger _100_immutable
  before update of id, listing_id, guest_id, check_in, check_out, guests, children, infants, pets,
    currency, total_amount, host_amount, platform_amount, cancellation_policy
  on app_public.quotes
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.quotes is
  'A priced offer for one stay that can be booked until it expires.';
comment on column app_public.quotes.id is 'Public id of the quote, by which it is booked.';
comment on column app_public.quotes.listing_id is 'The listing.';
comment on column app_public.quotes.guest_id is 'To whom it is offered.';
comment on column app_public.quotes.check_in is 'First night, local date.';
comment on column app_public.quotes.check_out is 'Day of leaving, local date.';
comment on column app_public.quotes.guests is
  'How many people stay: adults and children, but no infants.';
comment on column app_public.quotes.adults is 'How many of the guests are adults.';
comment on column app_public.quotes.children is
  'How many of the guests are children, from two to twelve years.';
comment on column app_public.quotes.infants is
  'How many infants under two years come beside the guests; they cost nothing.';
comment on column app_public.quotes.pets is 'How many pets come; there may be a fee for the stay.';
comment on column app_public.quotes.currency is 'ISO 4217 currency.';
comment on column app_public.quotes.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.quotes.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.quotes.platform_amount is
  'What the platform earns of it, in minor units.';
comment on column app_public.quotes.created_at is 'When it was made.';
comment on column app_public.quotes.expires_at is 'Until when it can be booked.';
comment on column app_public.quotes.cancellation_policy is
  'The policy that the stay would be sold under.';

-- What a client is told: the code, and the sentence.
comment on constraint quotes_currency_key on app_public.quotes is
  'INTERNAL: A quote has one currency.';
comment on constraint quotes_stay_is_ordered on app_public.quotes is
  'INVALID_STAY: Check-out comes after check-in.';
comment on constraint quotes_guests_are_positive on app_public.quotes is
  'INVALID_GUESTS: At least one guest stays.';
comment on constraint quotes_party_has_an_adult on app_public.quotes is
  'INVALID_GUESTS: At least one of the guests is an adult.';
comment on constraint quotes_infants_and_pets_are_counted on app_public.quotes is
  'INVALID_GUESTS: Infants and pets are counted from 0.';
comment on constraint quotes_shares_sum on app_public.quotes is
  'INTERNAL: The shares of a quote are its total.';
comment on constraint quotes_amounts_are_not_negative on app_public.quotes is
  'INTERNAL: A quote has a price, and shares that are not negative.';
--! EndIncluded quotes/tables/quotes.sql
--! Included bookings/tables/bookings.sql
/*
 * A stay sold or being sold. Its price is its quote's and never computed again; its nights are its
 * claim's. Dates are local to the listing.
 */
create table if not exists app_public.bookings (
  id uuid not null default uuidv7() constraint bookings_pkey primary key,
  listing_id uuid not null
    constraint bookings_listing_id_fkey references app_public.listings on delete restrict,
  unit_number smallint not null,
  -- The host at the time of booking: money and messages go to them whoever owns the listing later.
  host_id uuid not null
    constraint bookings_host_id_fkey references app_public.users on delete restrict,
  guest_id uuid not null
    constraint bookings_guest_id_fkey references app_public.users on delete restrict,
  quote_id uuid not null
    constraint bookings_quote_id_fkey references app_public.quotes on delete restrict,
  idempotency_key app_public.line not null,
  status app_public.booking_status not null default 'pending_payment',
  status_actor app_public.booking_actor not null default 'guest',
  status_reason text not null default '',
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint bookings_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  cancellation_policy app_public.cancellation_policy not null,
  time_zone text not null,
  hold_expires_at timestamptz not null,
  confirmed_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),
  -- As they were when it was booked: what the guest accepted.
  check_in_from time not null,
  house_rules app_public.prose,
  -- How the listing took bookings when this one was made.
  booking_mode app_public.booking_mode not null,
  answer_due_at timestamptz,
  children smallint not null default 0,
  infants smallint not null default 0,
  pets smallint not null default 0,
  adults smallint not null generated always as (guests - children) virtual,

  -- What hangs on a booking is in its currency.
  constraint bookings_currency_key unique (id, currency),
  -- A quote is sold once.
  constraint bookings_quote_id_key unique (quote_id),
  -- A request that is repeated finds what it made the first time.
  constraint bookings_idempotency_key_key unique (guest_id, idempotency_key),
  constraint bookings_idempotency_key_has_length check (length(idempotency_key) between 8 and 200),
  constraint bookings_stay_is_ordered check (check_in < check_out),
  constraint bookings_guests_are_positive check (guests > 0),
  constraint bookings_party_has_an_adult check (children between 0 and guests - 1),
  constraint bookings_infants_and_pets_are_counted check (infants >= 0 and pets >= 0),
  constraint bookings_guest_is_not_host check (guest_id <> host_id),
  constraint bookings_request_has_deadline check (
    status not in ('requested', 'accepted', 'declined') or answer_due_at is not null
  ),
  constraint bookings_shares_sum check (host_amount + platform_amount = total_amount),
  constraint bookings_amounts_are_not_negative
    check (total_amount > 0 and host_amount >= 0 and platform_amount >= 0)
);

alter table app_public.bookings enable row level security;
alter table app_public.bookings force row level security;

-- A guest's and a host's own bookings, newest first.
create index if not exists bookings_guest_id_idx on app_public.bookings (guest_id, id);
create index if not exists bookings_host_id_idx on app_public.bookings (host_id, id);
create index if not exists bookings_listing_id_idx on app_public.bookings (listing_id, check_in);
create index if not exists bookings_currency_idx on app_public.bookings (currency);
-- A host's statement: what was earned by the stays that ended in a month.
create index if not exists bookings_host_id_status_idx
  on app_public.bookings (host_id, status, check_out);
-- What is not settled yet: what waits for a host's answer, or for money. Its few rows have the
-- status in the predicate, because row-level security lets a visitor's condition use a column of an
-- index only where the operator is leakproof, and "=" of enums is not.
create index if not exists bookings_open_idx
  on app_public.bookings (host_id, status, answer_due_at)
  where status in ('pending_payment', 'requested', 'accepted');
-- Who arrives, stays and leaves on a day, and what a guest has before them.
create index if not exists bookings_host_id_check_in_idx
  on app_public.bookings (host_id, check_in);
create index if not exists bookings_host_id_check_out_idx
  on app_public.bookings (host_id, check_out);
create index if not exists bookings_guest_id_check_out_idx
  on app_public.bookings (guest_id, check_out);
-- complete_stays() walks confirmed bookings whose end has come.
create index if not exists bookings_to_complete_idx on app_public.bookings (check_out)
  where status = 'confirmed';

create or replace trigger _100_touch
  before update on app_public.bookings
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.bookings
  for each row execute function
    app_hidden.tg__append_event('booking.created', 'id', 'listing_id', 'host_id', 'guest_id');

create or replace trigger _600_status
  after update of status on app_public.bookings
  for each row when (OLD.status is distinct from NEW.status)
  execute function
    app_hidden.tg__append_event('booking.{status}', 'id', 'listing_id', 'host_id', 'guest_id');

-- N2, one half: a claim of a booking has its booking. Deferred, for the guard row is taken first
-- and the booking written after.
do $$
begin
  alter table app_public.calendar_claims
    add constraint calendar_claims_booking_id_fkey foreign key (booking_id)
    references app_public.bookings (id) on delete restrict deferrable initially deferred;
exception
  when duplicate_object then null;
end
$$;

comment on table app_public.bookings is 'A stay, for its guest and its host.';
comment on column app_public.bookings.id is 'Public id of the booking.';
comment on column app_public.bookings.listing_id is 'Where the guest stays.';
comment on column app_public.bookings.unit_number is
  'Which of the listing''s identical units, from 1.';
comment on column app_public.bookings.host_id is 'Who offers the stay.';
comment on column app_public.bookings.guest_id is 'Who stays.';
comment on column app_public.bookings.quote_id is 'The quote that was booked, with the line items.';
comment on column app_public.bookings.idempotency_key is
  'The key the guest''s client chose for this booking.';
comment on column app_public.bookings.status is 'Where the booking is.';
comment on column app_public.bookings.status_actor is 'Who brought it there.';
comment on column app_public.bookings.status_reason is 'Why it is there, where somebody said.';
comment on column app_public.bookings.check_in is 'First night, local date.';
comment on column app_public.bookings.check_out is 'Day of leaving, local date.';
comment on column app_public.bookings.guests is
  'How many people stay: adults and children, but no infants.';
comment on column app_public.bookings.adults is 'How many of the guests are adults.';
comment on column app_public.bookings.children is
  'How many of the guests are children, from two to twelve years.';
comment on column app_public.bookings.infants is
  'How many infants under two years come beside the guests; they cost nothing.';
comment on column app_public.bookings.pets is
  'How many pets come; there may be a fee for the stay.';
comment on column app_public.bookings.currency is 'ISO 4217 currency.';
comment on column app_public.bookings.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.bookings.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.bookings.platform_amount is
  'What the platform earns of it, in minor units.';
comment on column app_public.bookings.cancellation_policy is 'The policy the stay was sold under.';
comment on column app_public.bookings.time_zone is 'IANA zone of the dates.';
comment on column app_public.bookings.check_in_from is
  'Local time from which the guest may arrive, as it was when the stay was booked.';
comment on column app_public.bookings.house_rules is
  'The house rules that the guest accepted, plain text.';
comment on column app_public.bookings.booking_mode is
  'Whether it was booked at once, or the host was asked.';
comment on column app_public.bookings.answer_due_at is
  'Until when the host can accept or decline a request; null for what is booked at once, and until '
  'the guest''s card has been authorised.';
comment on column app_public.bookings.hold_expires_at is
  'Until when the nights are held for payment.';
comment on column app_public.bookings.confirmed_at is 'When it was confirmed.';
comment on column app_public.bookings.created_at is 'When it was made.';
comment on column app_public.bookings.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint bookings_currency_key on app_public.bookings is
  'INTERNAL: A booking has one currency.';
comment on constraint bookings_quote_id_key on app_public.bookings is
  'QUOTE_USED: The quote is booked already.';
comment on constraint bookings_idempotency_key_key on app_public.bookings is
  'IDEMPOTENCY_KEY_REUSED: This idempotency key was used for something else.';
comment on constraint bookings_idempotency_key_has_length on app_public.bookings is
  'IDEMPOTENCY_KEY_INVALID: Choose an idempotency key of 8 to 200 characters.';
comment on constraint bookings_stay_is_ordered on app_public.bookings is
  'INVALID_STAY: Check-out comes after check-in.';
comment on constraint bookings_guests_are_positive on app_public.bookings is
  'INVALID_GUESTS: At least one guest stays.';
comment on constraint bookings_party_has_an_adult on app_public.bookings is
  'INTERNAL: At least one of the guests is an adult.';
comment on constraint bookings_infants_and_pets_are_counted on app_public.bookings is
  'INTERNAL: Infants and pets are counted from 0.';
comment on constraint bookings_guest_is_not_host on app_public.bookings is
  'OWN_LISTING: Hosts do not book their own listing.';
comment on constraint bookings_request_has_deadline on app_public.bookings is
  'INTERNAL: A host has until an instant to answer a request.';
comment on constraint bookings_shares_sum on app_public.bookings is
  'INTERNAL: The shares of a booking are its total.';
comment on constraint bookings_amounts_are_not_negative on app_public.bookings is
  'INTERNAL: A booking has a price, and shares that are not negative.';
--! EndIncluded bookings/tables/bookings.sql
--! Included quotes/types/bookability_reason.sql
do $$
begin
  create type app_public.bookability_reason as (code text, rule text);
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.bookability_reason is 'Why a stay cannot be booked.';
comment on column app_public.bookability_reason.code is
  'not_published, own_listing, no_rates, in_the_past, min_nights, max_nights, '
  'booking_window, advance_notice, too_many_guests, children_not_welcome, too_many_infants, '
  'pets_not_allowed, too_many_pets, nights_taken, total_too_low, total_too_high '
  '(than a card can be charged).';
comment on column app_public.bookability_reason.rule is
  'The listing''s rule that made it, such as "3" for min_nights.';
--! EndIncluded quotes/types/bookability_reason.sql
--! Included quotes/types/asked_stay.sql
do $$
begin
  create type app_hidden.asked_stay as (
    check_in date,
    check_out date,
    guests integer,
    children integer,
    infants integer,
    pets integer
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_hidden.asked_stay is 'A stay that somebody asks for: dates and party.';
--! EndIncluded quotes/types/asked_stay.sql
--! Included pricing/internal/price_stay.sql
/*
 * The price of a stay, as parts. This one function is behind the total that search shows and behind
 * the quote that is sold, so they agree to the minor unit. With only_free it answers only where the
 * stay can be sold: a unit can take it, and a card can be charged for it. Search asks all of that
 * of each candidate, and this reads the row that knows it once.
 *
 * Nights: dated rate, else weekend rate, else base rate. Base and weekend nights are counted, not
 * walked; only listings that have dated rates read them. Fees: cleaning once, extra guests by
 * night, pets once however many; the guest's service fee and the host's commission are shares of
 * what the host earns before them.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM. Each
 * "offset 0" keeps what is below it from being merged with what is above, or every use of an amount
 * would compute it again; "limit 1" does the same, and takes any one of the units.
 */
create or replace function app_hidden.price_stay(
  listing_id uuid, check_in date, check_out date, guests integer, only_free boolean,
  pets integer default 0
) returns table (
  currency text,
  base_nights integer,
  base_amount bigint,
  weekend_nights integer,
  weekend_amount bigint,
  dated_nights integer,
  dated_total_amount bigint,
  cleaning_fee_amount bigint,
  extra_guests integer,
  extra_guest_fee_amount bigint,
  pet_fee_amount bigint,
  subtotal_amount bigint,
  guest_service_fee_amount bigint,
  host_commission_amount bigint,
  total_amount bigint,
  minimum_charge_amount bigint,
  maximum_charge_amount bigint
)
language sql stable
as $$
  select
    p.currency, p.base_nights, p.base_amount, p.weekend_nights, p.weekend_amount,
    p.dated_nights, p.dated_total_amount, p.cleaning_fee_amount, p.extra_guests,
    p.extra_guest_fee_amount, p.pet_fee_amount, p.subtotal_amount, p.guest_service_fee_amount,
    app_hidden.service_fee(p.subtotal_amount, p.host_commission_bps, p.charge_step),
    p.subtotal_amount + p.guest_service_fee_amount,
    c.minimum_charge_amount, c.maximum_charge_amount
  from (
    select
      s.*,
      app_hidden.service_fee(s.subtotal_amount, s.guest_service_fee_bps, s.charge_step)
        as guest_service_fee_amount
    from (
      select
        n.*,
        n.base_nights * n.base_amount + n.weekend_nights * n.weekend_amount + n.dated_total_amount
          + n.cleaning_fee_amount
          + n.extra_guest_fee_amount * n.extra_guests * (price_stay.check_out - price_stay.check_in)
          + n.pet_fee_amount
          as subtotal_amount
      from (
        select
          u.*,
          coalesce(u.dated[1], 0)::integer as dated_nights,
          coalesce(u.dated[3], 0) as dated_total_amount,
          (price_stay.check_out - price_stay.check_in - u.all_weekend_nights
            - coalesce(u.dated[1] - u.dated[2], 0))::integer as base_nights,
          (u.all_weekend_nights - coalesce(u.dated[2], 0))::integer as weekend_nights
        from (
          select
            a.currency,
            a.charge_step,
            a.nightly_amount as base_amount,
            coalesce(a.weekend_nightly_amount, a.nightly_amount) as weekend_amount,
            a.cleaning_fee_amount,
            greatest(price_stay.guests - a.guests_included, 0) as extra_guests,
            a.extra_guest_fee_amount,
            -- Search asks without pets, and then nothing is read for them.
            case when price_stay.pets > 0 then (
              select r.pet_fee_amount from app_public.listing_rates r
              where r.listing_id = a.listing_id
            ) else 0 end as pet_fee_amount,
            -- Asked for in a query of its own, for that runs once and not once a listing.
            (select app_hidden.weekend_nights_before(price_stay.check_out)
              - app_hidden.weekend_nights_before(price_stay.check_in)) as all_weekend_nights,
            -- Nights with a rate of their own, those of them at weekends, and what they cost.
            case when a.has_dated_rates then (
              select array[
                sum(o.ends - o.starts),
                sum(
                  app_hidden.weekend_nights_before(o.ends)
                    - app_hidden.weekend_nights_before(o.starts)
                ),
                sum(o.nightly_amount * (o.ends - o.starts))::bigint
              ]
              from (
                select
                  d.nightly_amount,
                  greatest(lower(d.nights), price_stay.check_in) as starts,
                  least(upper(d.nights), price_stay.check_out) as ends
                from app_public.dated_rates d
                where d.listing_id = a.listing_id
                  and d.currency = a.currency
                  and upper(d.nights) > price_stay.check_in
                  and lower(d.nights) < price_stay.check_out
              ) o
            ) end as dated,
            (select f.guest_service_fee_bps from app_hidden.fees_in_force() f)
              as guest_service_fee_bps,
            (select f.host_commission_bps from app_hidden.fees_in_force() f)
              as host_commission_bps
          from app_hidden.listing_availability a
          where a.listing_id = price_stay.listing_id
            and a.nightly_amount is not null
            and (
              not price_stay.only_free
              or (
                (
                  not a.taken && app_hidden.claim_window(
                    price_stay.check_in, price_stay.check_out, a.preparation_days
                  )
                  -- Mostly no hold is over that still has its nights; which ones are is asked once.
                  or (
                    a.listing_id in (
                      select h.listing_id from app_public.calendar_claims h
                      where h.expires_at <= app_hidden.clock()
                    )
                    and exists (
                      select from app_hidden.free_units(
                        a.listing_id,
                        app_hidden.claim_window(
                          price_stay.check_in, price_stay.check_out, a.preparation_days
                        ),
                        a.unit_number
                      )
                    )
                  )
                )
                and app_hidden.stay_keeps_restrictions(a, price_stay.check_in, price_stay.check_out)
              )
            )
          limit 1
        ) u
        offset 0
      ) n
      offset 0
    ) s
    offset 0
  ) p
  join app_public.currencies c on c.code = p.currency
  where not price_stay.only_free
    or p.subtotal_amount + p.guest_service_fee_amount
      between c.minimum_charge_amount and c.maximum_charge_amount
$$;

comment on function app_hidden.price_stay(uuid, date, date, integer, boolean, integer) is
  'The price of a stay in minor units, as parts; no row where the listing has no rates or, with '
  'only_free, the stay cannot be sold.';
--! EndIncluded pricing/internal/price_stay.sql
--! Included pricing/internal/stay_line_items.sql
/*
 * The line items of a stay. Nights at the same rate by the same rule are one line; a share is one
 * line of quantity 1.
 */
create or replace function app_hidden.stay_line_items(
  listing_id uuid, check_in date, check_out date, guests integer, pets integer default 0
) returns setof app_public.price_line
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with price as (
    select * from app_hidden.price_stay(
      stay_line_items.listing_id, stay_line_items.check_in, stay_line_items.check_out,
      stay_line_items.guests,
      only_free => false,
      pets => stay_line_items.pets
    )
  ),
  fees as (
    select * from app_hidden.fees_in_force()
  ),
  lines (position, code, rule, unit_amount, quantity, payer, payee) as (
    select 1, 'nights', 'base_rate', p.base_amount, p.base_nights, 'guest', 'host' from price p
    union all
    select 2, 'nights', 'weekend_rate', p.weekend_amount, p.weekend_nights, 'guest', 'host'
    from price p
    union all
    select 3, 'nights', 'dated_rate', d.nightly_amount, sum(
      least(upper(d.nights), stay_line_items.check_out)
        - greatest(lower(d.nights), stay_line_items.check_in)
    )::integer, 'guest', 'host'
    from app_public.dated_rates d
    where d.listing_id = stay_line_items.listing_id
      and d.nights && daterange(stay_line_items.check_in, stay_line_items.check_out)
    group by d.nightly_amount
    union all
    select 4, 'cleaning_fee', 'cleaning_fee', p.cleaning_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 5, 'extra_guest_fee', 'extra_guest_fee', p.extra_guest_fee_amount,
      p.extra_guests * (stay_line_items.check_out - stay_line_items.check_in), 'guest', 'host'
    from price p
    union all
    select 6, 'pet_fee', 'pet_fee', p.pet_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 7, 'guest_service_fee', round(f.guest_service_fee_bps / 100.0, 2) || '%',
      p.guest_service_fee_amount, 1, 'guest', 'platform' from price p, fees f
    union all
    select 8, 'host_commission', round(f.host_commission_bps / 100.0, 2) || '%',
      p.host_commission_amount, 1, 'host', 'platform' from price p, fees f
  )
  select l.code, l.rule, p.currency, l.unit_amount, l.quantity, l.unit_amount * l.quantity,
    l.payer::app_public.party, l.payee::app_public.party
  from lines l, price p
  where l.unit_amount * l.quantity > 0
  order by l.position, l.unit_amount
$$;

comment on function app_hidden.stay_line_items(uuid, date, date, integer, integer) is
  'The line items of a stay.';
--! EndIncluded pricing/internal/stay_line_items.sql
--! Included pricing/mutations/set_listing_rates.sql
create or replace function app_public.set_listing_rates(
  listing_id uuid,
  currency text,
  nightly_amount bigint,
  weekend_nightly_amount bigint default null,
  cleaning_fee_amount bigint default 0,
  extra_guest_fee_amount bigint default 0,
  guests_included integer default 1,
  pet_fee_amount bigint default 0
) returns app_public.listing_rates
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(set_listing_rates.listing_id);
  v_rates app_public.listing_rates;
  v_field record;
begin
  for v_field in
    select * from (values
      ('nightly_amount', set_listing_rates.nightly_amount, 1),
      ('weekend_nightly_amount', set_listing_rates.weekend_nightly_amount, 1),
      ('cleaning_fee_amount', set_listing_rates.cleaning_fee_amount, 0),
      ('extra_guest_fee_amount', set_listing_rates.extra_guest_fee_amount, 0),
      ('pet_fee_amount', set_listing_rates.pet_fee_amount, 0)
    ) as f (name, amount, least_amount)
  loop
    perform app_hidden.require_charge_step(
      set_listing_rates.currency, v_field.name, v_field.amount
    );
    if v_field.amount not between v_field.least_amount and 100000000000 then
      raise exception 'This amount is at least % and at most 100000000000 minor units.',
        v_field.least_amount
        using errcode = 'SBP04', column = v_field.name;
    end if;
  end loop;
  if set_listing_rates.nightly_amount is null then
    raise exception 'A nightly rate is needed.' using errcode = 'SBP04', column = 'nightly_amount';
  end if;

  -- Dated rates are in the old currency; they would become wrong, so they have to go first.
  if exists (
    select from app_public.dated_rates d
    where d.listing_id = v_listing.id and d.currency <> set_listing_rates.currency
  ) then
    raise exception 'Clear the dated rates before changing the currency.'
      using errcode = 'SBP07', column = 'currency';
  end if;

  insert into app_public.listing_rates (
    listing_id, currency, nightly_amount, weekend_nightly_amount,
    cleaning_fee_amount, extra_guest_fee_amount, guests_included, pet_fee_amount
  )
  values (
    v_listing.id, set_listing_rates.currency, set_listing_rates.nightly_amount,
    set_listing_rates.weekend_nightly_amount, coalesce(set_listing_rates.cleaning_fee_amount, 0),
    coalesce(set_listing_rates.extra_guest_fee_amount, 0),
    coalesce(set_listing_rates.guests_included, 1), coalesce(set_listing_rates.pet_fee_amount, 0)
  )
  on conflict on constraint listing_rates_pkey do update
    set currency = excluded.currency, nightly_amount = excluded.nightly_amount,
        weekend_nightly_amount = excluded.weekend_nightly_amount,
        cleaning_fee_amount = excluded.cleaning_fee_amount,
        extra_guest_fee_amount = excluded.extra_guest_fee_amount,
        guests_included = excluded.guests_included, pet_fee_amount = excluded.pet_fee_amount
  returning * into v_rates;
  return v_rates;
end
$$;

grant execute on function app_public.set_listing_rates(
  uuid, text, bigint, bigint, bigint, bigint, integer, bigint
)
  to :DATABASE_VISITOR;

comment on function app_public.set_listing_rates(
  uuid, text, bigint, bigint, bigint, bigint, integer, bigint
) is
  'Prices a listing, replacing all its rates: what is left out is no fee, no weekend rate, one '
  'guest included. Amounts are in minor units of the currency. Quotes already made keep their '
  'price.';
--! EndIncluded pricing/mutations/set_listing_rates.sql
--! Included quotes/internal/check_party.sql
/*
 * The shape of a party, before anything is looked up. Adults and children are the guests, whom a
 * listing's size and the fee for extra guests count; infants and pets have limits of their own.
 */
create or replace function app_hidden.check_party(
  guests integer, children integer, infants integer, pets integer
) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count record;
begin
  for v_count in
    select * from (values
      ('children', check_party.children, check_party.guests - 1),
      ('infants', check_party.infants, 1000),
      ('pets', check_party.pets, 1000)
    ) as c (name, given, most)
  loop
    if v_count.given between 0 and v_count.most then
      continue;
    elsif v_count.given > v_count.most and v_count.name = 'children' then
      raise exception 'At least one guest is an adult, but % of % are children.',
        v_count.given, check_party.guests
        using errcode = 'SBC06', column = 'children';
    end if;
    raise exception 'Say how many % come, from 0 to 1000, or leave it out.', v_count.name
      using errcode = 'SBC06', column = v_count.name;
  end loop;
end
$$;

comment on function app_hidden.check_party(integer, integer, integer, integer) is
  'INVALID_GUESTS where a party makes no sense.';
--! EndIncluded quotes/internal/check_party.sql
--! Included quotes/internal/party_faults.sql
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
--! EndIncluded quotes/internal/party_faults.sql
--! Included quotes/internal/refuse_party.sql
/*
 * A reason of party_faults() as an error. The field is the part of the party that does not fit,
 * where the caller names no other.
 */
create or replace function app_hidden.refuse_party(
  fault app_public.bookability_reason, field text default null
) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  case fault.code
    when 'too_many_guests' then
      raise exception 'At most % guests fit.', fault.rule
        using errcode = 'SBC05', column = coalesce(refuse_party.field, 'guests');
    when 'children_not_welcome' then
      raise exception 'This listing is not for children.'
        using errcode = 'SBC11', column = coalesce(refuse_party.field, 'children');
    when 'too_many_infants' then
      raise exception 'At most % infants may come.', fault.rule
        using errcode = 'SBC12', column = coalesce(refuse_party.field, 'infants');
    when 'pets_not_allowed' then
      raise exception 'Pets are not allowed here.'
        using errcode = 'SBC13', column = coalesce(refuse_party.field, 'pets');
    when 'too_many_pets' then
      raise exception 'At most % pets may come.', fault.rule
        using errcode = 'SBC14', column = coalesce(refuse_party.field, 'pets');
    else null;
  end case;
end
$$;

comment on function app_hidden.refuse_party(app_public.bookability_reason, text) is
  'Raises a reason why a party does not fit.';
--! EndIncluded quotes/internal/refuse_party.sql
--! Included quotes/queries/bookability.sql
/*
 * Every reason why a stay cannot be booked, not only the first: a client shows them all. An empty
 * answer means that it can be quoted, and booked or asked for now, at a total that a card can be
 * charged. Holds that are over do not count as taken.
 */
create or replace function app_public.bookability(
  listing_id uuid, check_in date, check_out date, guests integer,
  children integer default 0, infants integer default 0, pets integer default 0
) returns setof app_public.bookability_reason
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_today date;
  v_nights integer;
  v_price record;
begin
  perform app_hidden.check_stay(bookability.check_in, bookability.check_out, bookability.guests);
  perform app_hidden.check_party(
    bookability.guests, bookability.children, bookability.infants, bookability.pets
  );
  v_nights := bookability.check_out - bookability.check_in;
  select l.* into v_listing from app_public.listings l where l.id = bookability.listing_id;
  if v_listing.id is null or (
    v_listing.status <> 'published'
    and v_listing.host_id is distinct from app_public.current_user_id()
  ) then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  v_today := app_hidden.local_today(v_listing.time_zone);
  -- Of more guests than fit no price is asked: it could be more than a number can hold.
  select p.* into v_price from app_hidden.price_stay(
    v_listing.id, bookability.check_in, bookability.check_out,
    least(bookability.guests, v_listing.max_guests), only_free => false, pets => bookability.pets
  ) p;

  return query
  select r.code, r.rule
  from (values
    ('not_published', v_listing.status <> 'published', v_listing.status::text),
    ('own_listing', v_listing.status = 'published'
      and v_listing.host_id = app_public.current_user_id(), null),
    ('no_rates', v_price is null, null),
    ('in_the_past', bookability.check_in < v_today, v_today::text),
    ('min_nights', v_nights < v_listing.min_nights, v_listing.min_nights::text),
    ('max_nights', v_nights > v_listing.max_nights, v_listing.max_nights::text),
    ('booking_window', bookability.check_in > v_today + v_listing.booking_window_days,
      v_listing.booking_window_days::text),
    ('advance_notice', v_listing.advance_notice_hours > 0
      and (bookability.check_in + v_listing.check_in_from) at time zone v_listing.time_zone
        < app_hidden.clock() + v_listing.advance_notice_hours * interval '1 hour',
      v_listing.advance_notice_hours::text)
  ) as r (code, applies, rule)
  where r.applies
  union all
  select f.code, f.rule
  from app_hidden.party_faults(
    v_listing, bookability.guests, bookability.children, bookability.infants, bookability.pets
  ) f
  union all
  select r.code, r.rule
  from (values
    ('nights_taken', not exists (
      select from app_hidden.free_units(
        v_listing.id,
        app_hidden.claim_window(
          bookability.check_in, bookability.check_out, v_listing.preparation_days
        )
      )
    ), null),
    ('total_too_low', v_price.total_amount < v_price.minimum_charge_amount,
      v_price.minimum_charge_amount::text),
    ('total_too_high', v_price.total_amount > v_price.maximum_charge_amount,
      v_price.maximum_charge_amount::text)
  ) as r (code, applies, rule)
  where r.applies;
end
$$;

grant execute on function app_public.bookability(
  uuid, date, date, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.bookability(
  uuid, date, date, integer, integer, integer, integer
) is 'Every reason why a stay cannot be booked; empty when it can.';
--! EndIncluded quotes/queries/bookability.sql
--! Included quotes/internal/require_bookable.sql
/*
 * The first reason of bookability(), as an error. Every reason has a code of its own in the
 * registry, so that a client can put the message next to the right field.
 */
create or replace function app_hidden.require_bookable(
  listing_id uuid, check_in date, check_out date, guests integer, children integer,
  infants integer, pets integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.bookability_reason;
begin
  select * into v_reason from app_public.bookability(
    require_bookable.listing_id, require_bookable.check_in, require_bookable.check_out,
    require_bookable.guests, require_bookable.children, require_bookable.infants,
    require_bookable.pets
  ) limit 1;
  case v_reason.code
    when 'not_published' then
      raise exception 'This listing is not open for bookings.'
        using errcode = 'SBL01', column = 'listing_id';
    when 'own_listing' then
      raise exception 'Hosts do not book their own listing; block the nights instead.'
        using errcode = 'SBB04', column = 'listing_id';
    when 'no_rates' then
      raise exception 'This listing has no rates.' using errcode = 'SBP06', column = 'listing_id';
    when 'in_the_past' then
      raise exception 'Check-in is in the past: there it is already %.', v_reason.rule
        using errcode = 'SBC03', column = 'check_in';
    when 'min_nights' then
      raise exception 'A stay here has at least % nights.', v_reason.rule
        using errcode = 'SBC08', column = 'check_out';
    when 'max_nights' then
      raise exception 'A stay here has at most % nights.', v_reason.rule
        using errcode = 'SBC04', column = 'check_out';
    when 'booking_window' then
      raise exception 'Stays can begin at most % days from now.', v_reason.rule
        using errcode = 'SBC09', column = 'check_in';
    when 'advance_notice' then
      raise exception 'The host needs % hours of notice.', v_reason.rule
        using errcode = 'SBC10', column = 'check_in';
    when 'nights_taken' then
      raise exception 'These nights are taken.' using errcode = 'SBC01', column = 'check_in';
    when 'total_too_low' then
      raise exception 'The total is less than the % minor units that a card takes.',
        v_reason.rule
        using errcode = 'SBP04', column = 'check_out';
    when 'total_too_high' then
      raise exception 'The total is more than the % minor units that a card takes at once.',
        v_reason.rule
        using errcode = 'SBP04', column = 'check_out';
    else perform app_hidden.refuse_party(v_reason);
  end case;
end
$$;

comment on function app_hidden.require_bookable(
  uuid, date, date, integer, integer, integer, integer
) is 'Raises the first reason why a stay cannot be booked.';
--! EndIncluded quotes/internal/require_bookable.sql
--! Included quotes/queries/quote.sql
create or replace function app_public.quote(
  listing_id uuid, check_in date, check_out date, guests integer,
  children integer default 0, infants integer default 0, pets integer default 0
) returns app_public.stay_price
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price app_public.stay_price;
begin
  perform app_hidden.require_bookable(
    quote.listing_id, quote.check_in, quote.check_out, quote.guests, quote.children,
    quote.infants, quote.pets
  );
  select
    quote.listing_id, quote.check_in, quote.check_out, quote.guests,
    quote.check_out - quote.check_in,
    min(l.currency),
    sum(l.amount) filter (where l.payer = 'guest'),
    sum(case when l.payee = 'host' then l.amount when l.payer = 'host' then -l.amount else 0 end),
    array_agg(l)
  into v_price
  from app_hidden.stay_line_items(
    quote.listing_id, quote.check_in, quote.check_out, quote.guests, quote.pets
  ) l;
  return v_price;
end
$$;

grant execute on function app_public.quote(
  uuid, date, date, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.quote(
  uuid, date, date, integer, integer, integer, integer
) is 'What a stay costs now, with line items that sum to the total. It is not an offer; to book, '
  'create a quote.';
--! EndIncluded quotes/queries/quote.sql
--! Included quotes/mutations/create_quote.sql
create or replace function app_public.create_quote(
  listing_id uuid, check_in date, check_out date, guests integer,
  children integer default 0, infants integer default 0, pets integer default 0
) returns app_public.quotes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_price app_public.stay_price;
  v_quote app_public.quotes;
begin
  -- Quotes of one guest are made one after the other: so their limit is exact.
  perform app_hidden.lock_guest(v_user_id);
  perform app_hidden.require_quota(v_user_id, 'quotes', 1 + (
    select count(*) from app_public.quotes q
    where q.guest_id = v_user_id and q.expires_at > app_hidden.clock()
  ));
  v_price := app_public.quote(
    create_quote.listing_id, create_quote.check_in, create_quote.check_out, create_quote.guests,
    create_quote.children, create_quote.infants, create_quote.pets
  );

  insert into app_public.quotes (
    listing_id, guest_id, check_in, check_out, guests, children, infants, pets,
    currency, total_amount, host_amount, platform_amount, cancellation_policy
  )
  values (
    v_price.listing_id, v_user_id, v_price.check_in, v_price.check_out, v_price.guests,
    create_quote.children, create_quote.infants, create_quote.pets,
    v_price.currency, v_price.total_amount, v_price.host_amount,
    v_price.total_amount - v_price.host_amount,
    (select l.cancellation_policy from app_public.listings l where l.id = v_price.listing_id)
  )
  returning * into v_quote;

  insert into app_public.quote_line_items (
    quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
  )
  select v_quote.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
    i.payer, i.payee
  from unnest(v_price.line_items) with ordinality
    i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

grant execute on function app_public.create_quote(
  uuid, date, date, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.create_quote(
  uuid, date, date, integer, integer, integer, integer
) is 'Prices a stay and keeps the offer for 30 minutes, to be booked as it stands.';
--! EndIncluded quotes/mutations/create_quote.sql
--! Included bookings/mutations/create_booking.sql
/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms, or asks the
 * host where the listing takes requests. The offer stands as it was made, price and restrictions;
 * but no other party is let in than the listing takes by now, which may be a matter of safety.
 *
 * The guest's row is locked first. So calls of one guest run one after the other: a repeated call
 * finds the booking of the first by its key, and the limit of holds is exact. Locks: the guest,
 * then the unit (claim_nights), then the new booking.
 */
create or replace function app_public.create_booking(quote_id uuid, idempotency_key text)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_hold constant interval := '15 minutes';
  v_user_id uuid := app_hidden.require_user_id();
  v_booking_id uuid := uuidv7();
  v_booking app_public.bookings;
  v_quote app_public.quotes;
  v_listing app_public.listings;
  v_claim app_public.calendar_claims;
  v_fault app_public.bookability_reason;
begin
  if length(coalesce(create_booking.idempotency_key, '')) not between 8 and 200 then
    raise exception 'Choose an idempotency key of 8 to 200 characters, such as a random UUID.'
      using errcode = 'SBB02', column = 'idempotency_key';
  end if;
  perform app_hidden.lock_guest(v_user_id);
  select b.* into v_booking from app_public.bookings b
  where b.guest_id = v_user_id and b.idempotency_key = create_booking.idempotency_key;
  if v_booking.quote_id <> create_booking.quote_id then
    raise exception 'This idempotency key was used for another quote; choose a new one.'
      using errcode = 'SBB03', column = 'idempotency_key';
  end if;
  if v_booking.id is not null then
    return v_booking;
  end if;

  select q.* into v_quote from app_public.quotes q
  where q.id = create_booking.quote_id and q.guest_id = v_user_id;
  if v_quote.id is null then
    raise exception 'There is no such quote.' using errcode = 'SBP01', column = 'quote_id';
  end if;
  if v_quote.expires_at <= app_hidden.clock() then
    raise exception 'The quote has expired; ask for a new one.'
      using errcode = 'SBP02', column = 'quote_id';
  end if;
  select l.* into v_listing from app_public.listings l where l.id = v_quote.listing_id;
  if v_listing.status <> 'published' then
    raise exception 'This listing is not open for bookings.'
      using errcode = 'SBL01', column = 'quote_id';
  end if;

  select f.* into v_fault
  from app_hidden.party_faults(
    v_listing, v_quote.guests, v_quote.children, v_quote.infants, v_quote.pets
  ) f limit 1;
  perform app_hidden.refuse_party(v_fault, 'quote_id');
  if v_quote.check_in < app_hidden.local_today(v_listing.time_zone) then
    raise exception 'Check-in is in the past by now; ask for a new quote.'
      using errcode = 'SBC03', column = 'quote_id';
  end if;
  perform app_hidden.require_hold_quota(v_user_id);
  if exists (select from app_public.bookings b where b.quote_id = v_quote.id) then
    raise exception 'The quote is booked already.' using errcode = 'SBP03', column = 'quote_id';
  end if;

  v_claim := app_hidden.claim_nights(
    v_quote.listing_id,
    app_hidden.claim_window(v_quote.check_in, v_quote.check_out, v_listing.preparation_days),
    'hold',
    booking_id => v_booking_id,
    expires_at => app_hidden.clock() + c_hold
  );
  -- The lock may have been waited for: somebody may have closed the listing, or taken it over.
  select l.* into v_listing from app_public.listings l where l.id = v_quote.listing_id;
  if v_listing.status <> 'published' then
    raise exception 'This listing is not open for bookings.'
      using errcode = 'SBL01', column = 'quote_id';
  end if;
  insert into app_public.bookings (
    id, listing_id, unit_number, host_id, guest_id, quote_id, idempotency_key,
    check_in, check_out, guests, children, infants, pets, currency, total_amount, host_amount,
    platform_amount,
    cancellation_policy, time_zone, hold_expires_at, check_in_from, house_rules, booking_mode
  )
  values (
    v_booking_id, v_quote.listing_id, v_claim.unit_number, v_listing.host_id, v_user_id,
    v_quote.id, create_booking.idempotency_key, v_quote.check_in, v_quote.check_out,
    v_quote.guests, v_quote.children, v_quote.infants, v_quote.pets, v_quote.currency,
    v_quote.total_amount, v_quote.host_amount, v_quote.platform_amount,
    v_quote.cancellation_policy, v_listing.time_zone,
    v_claim.expires_at, v_listing.check_in_from, v_listing.house_rules, v_listing.booking_mode
  )
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.create_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.create_booking(uuid, text) is
  'Books a quote as it stands and holds the nights for 15 minutes; pay by POST '
  '/v1/bookings/{id}/payment. Where the listing takes requests, paying sets the money aside, and '
  'the host accepts or declines. A repeated call with the same key returns the same booking.';
--! EndIncluded bookings/mutations/create_booking.sql
--! Included bookings/internal/policy_refund.sql
/*
 * What a guest who cancels now is given back under the policy of the booking. The times are those
 * at which the guest may arrive, on the day of check-in or so many days before, local to the
 * listing; who cancels at that instant is still in time.
 *
 * The grace period, for every policy: a day after the booking was confirmed, where check-in is
 * still seven days off. The fees for cleaning and pets are given back until check-in.
 */
create or replace function app_hidden.policy_refund(
  booking app_public.bookings,
  out basis app_public.cancellation_basis,
  out nights_percent integer,
  out cleaning_percent integer,
  out holds_until timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := app_hidden.clock();
  v_check_in timestamptz := app_hidden.check_in_instant(booking, 0);
  v_grace_until timestamptz := least(
    booking.confirmed_at + interval '24 hours', app_hidden.check_in_instant(booking, 7)
  );
begin
  if v_now > v_check_in then
    basis := 'after_check_in';
    nights_percent := 0;
    cleaning_percent := 0;
    return;
  end if;
  cleaning_percent := 100;
  if v_now <= v_grace_until then
    basis := 'grace_period';
    nights_percent := 100;
    holds_until := v_grace_until;
    return;
  end if;
  basis := 'policy';
  select t.percent, app_hidden.check_in_instant(booking, t.days_before)
  into nights_percent, holds_until
  from app_public.cancellation_tiers t
  where t.policy = booking.cancellation_policy
    and v_now <= app_hidden.check_in_instant(booking, t.days_before)
  order by t.percent desc, t.days_before
  limit 1;
  nights_percent := coalesce(nights_percent, 0);
  holds_until := coalesce(holds_until, v_check_in);
end
$$;

comment on function app_hidden.policy_refund(app_public.bookings) is
  'What the policy of a booking gives back now, in percent, why, and until when.';
--! EndIncluded bookings/internal/policy_refund.sql
--! Included checkout/internal/cancellation_lines.sql
/*
 * The line items of a booking, split into what goes back and what is kept. The fees for cleaning
 * and pets have a percent of their own, for nothing was done for them before check-in, and the rest
 * of the host's price has another; the guest's service fee and the host's commission
 * follow what the host keeps in proportion.
 *
 * What goes back in all is rounded half up to the step of the currency, and split among the lines
 * in such steps by largest remainder: the lines always sum, and each is an amount that a card can
 * be given. Shares are compared as integers over one denominator, so nothing is lost in a division.
 */
create or replace function app_hidden.cancellation_lines(
  booking app_public.bookings,
  basis app_public.cancellation_basis,
  nights_percent integer,
  cleaning_percent integer
) returns setof app_public.cancellation_line
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with items as (
    select i.*, c.charge_step::numeric as step,
      case i.code
        when 'cleaning_fee' then cancellation_lines.cleaning_percent
        when 'pet_fee' then cancellation_lines.cleaning_percent
        else cancellation_lines.nights_percent
      end as percent
    from app_public.quote_line_items i
    join app_public.currencies c on c.code = i.currency
    where i.quote_id = booking.quote_id
  ),
  host_price as (
    select sum(i.amount) as amount, sum(i.amount * i.percent) as refund_hundredths
    from items i
    where i.payee = 'host'
  ),
  exact as (
    select i.*,
      -- Of one denominator: 100 * the host's price.
      i.amount * case
        when i.payee = 'host' then i.percent * h.amount else h.refund_hundredths
      end as numerator,
      100 * h.amount * i.step as denominator
    from items i, host_price h
  ),
  ranked as (
    select e.*,
      div(e.numerator, e.denominator) as whole_steps,
      rank() over (
        partition by e.payer order by mod(e.numerator, e.denominator) desc, e.position
      ) as place,
      div(
        2 * sum(e.numerator) over (partition by e.payer) + e.denominator, 2 * e.denominator
      ) as all_steps
    from exact e
  ),
  split as (
    select r.*,
      ((r.whole_steps + case
        when r.place <= r.all_steps - sum(r.whole_steps) over (partition by r.payer) then 1 else 0
      end) * r.step)::bigint as refund_amount
    from ranked r
  )
  select s.code, s.rule, s.currency, s.amount, s.refund_amount, s.amount - s.refund_amount,
    s.payer, s.payee,
    case
      when s.payee = 'platform'
        and cancellation_lines.basis not in ('host_cancels', 'after_check_in') then 'in_proportion'
      when s.code in ('cleaning_fee', 'pet_fee') and cancellation_lines.basis = 'policy'
        then 'before_check_in'
      else cancellation_lines.basis
    end::app_public.cancellation_basis
  from split s
  order by s.position
$$;

comment on function app_hidden.cancellation_lines(
  app_public.bookings, app_public.cancellation_basis, integer, integer
) is 'What goes back and what is kept of each line item of a booking.';
--! EndIncluded checkout/internal/cancellation_lines.sql
--! Included checkout/internal/require_alterable.sql
/*
 * Raises where a booking cannot be changed to such a stay, whoever agrees. Restrictions of the
 * listing, such as a least number of nights, are for the host to insist on. A stay that has begun
 * keeps its first night, and ends today at the earliest. The caller holds the locks on units and
 * booking.
 */
create or replace function app_hidden.require_alterable(
  booking app_public.bookings, asked app_hidden.asked_stay
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := app_hidden.local_today(booking.time_zone);
  v_listing app_public.listings;
  v_fault app_public.bookability_reason;
begin
  perform app_hidden.check_stay(asked.check_in, asked.check_out, asked.guests);
  perform app_hidden.check_party(asked.guests, asked.children, asked.infants, asked.pets);
  if booking.status <> 'confirmed' or booking.check_out <= v_today then
    raise exception 'Only a stay that is sold and not over is changed; this one is %.',
      booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if exists (
    select from app_public.alterations a
    where a.booking_id = booking.id and a.status in ('proposed', 'accepted')
      and (a.status = 'accepted' or a.expires_at > app_hidden.clock())
  ) then
    raise exception 'A change of this booking is open: it has to end first.'
      using errcode = 'SBB12', column = 'booking_id';
  end if;
  if asked = (
    booking.check_in, booking.check_out, booking.guests::integer, booking.children::integer,
    booking.infants::integer, booking.pets::integer
  )::app_hidden.asked_stay then
    raise exception 'This is the stay as it is.' using errcode = 'SBG04', column = 'check_in';
  end if;
  if asked.check_in <> booking.check_in and least(asked.check_in, booking.check_in) < v_today
  then
    raise exception 'There it is already %: the first night stays as it is.', v_today
      using errcode = 'SBC03', column = 'check_in';
  end if;
  if asked.check_out < v_today then
    raise exception 'There it is already %: the stay ends then at the earliest.', v_today
      using errcode = 'SBC03', column = 'check_out';
  end if;
  -- What was sold may stay, whatever the listing takes by now.
  select l.* into v_listing from app_public.listings l where l.id = booking.listing_id;
  select f.* into v_fault
  from app_hidden.party_faults(
    v_listing,
    case when asked.guests > booking.guests then asked.guests else 1 end,
    case when asked.children > booking.children then asked.children else 0 end,
    case when asked.infants > booking.infants then asked.infants else 0 end,
    case when asked.pets > booking.pets then asked.pets else 0 end
  ) f limit 1;
  perform app_hidden.refuse_party(v_fault);
end
$$;

comment on function app_hidden.require_alterable(app_public.bookings, app_hidden.asked_stay) is
  'Raises where a booking cannot be changed to such a stay.';
--! EndIncluded checkout/internal/require_alterable.sql
--! Included checkout/internal/quote_alteration.sql
/*
 * The price of a sold stay as it shall be, under the policy it was sold under, as a quote that
 * lasts as long as the proposal. The total, and the difference where there is one to pay, are
 * amounts that a card can be charged.
 */
create or replace function app_hidden.quote_alteration(
  booking app_public.bookings, asked app_hidden.asked_stay, expires_at timestamptz
) returns app_public.quotes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_quote app_public.quotes;
  v_price record;
  v_more bigint;
begin
  select p.* into v_price from app_hidden.price_stay(
    booking.listing_id, asked.check_in, asked.check_out, asked.guests, only_free => false,
    pets => asked.pets
  ) p;
  if v_price.currency is distinct from booking.currency then
    raise exception 'The listing has no rates in %, in which this stay was sold.', booking.currency
      using errcode = 'SBP06', column = 'booking_id';
  end if;
  v_more := v_price.total_amount - booking.total_amount;
  if v_price.total_amount not between v_price.minimum_charge_amount
      and v_price.maximum_charge_amount
    or v_more between 1 and v_price.minimum_charge_amount - 1
  then
    raise exception 'A card takes % to % minor units at once; this would be %.',
      v_price.minimum_charge_amount, v_price.maximum_charge_amount,
      case when v_more > 0 then v_more else v_price.total_amount end
      using errcode = 'SBP04', column = 'check_out';
  end if;

  insert into app_public.quotes (
    listing_id, guest_id, check_in, check_out, guests, children, infants, pets, currency,
    total_amount, host_amount, platform_amount, cancellation_policy, expires_at
  )
  values (
    booking.listing_id, booking.guest_id, asked.check_in, asked.check_out, asked.guests,
    asked.children, asked.infants, asked.pets, v_price.currency, v_price.total_amount,
    v_price.subtotal_amount - v_price.host_commission_amount,
    v_price.guest_service_fee_amount + v_price.host_commission_amount,
    booking.cancellation_policy, quote_alteration.expires_at
  )
  returning * into v_quote;
  insert into app_public.quote_line_items (
    quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
  )
  select v_quote.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
    i.payer, i.payee
  from app_hidden.stay_line_items(
    booking.listing_id, asked.check_in, asked.check_out, asked.guests, asked.pets
  ) with ordinality i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

comment on function app_hidden.quote_alteration(
  app_public.bookings, app_hidden.asked_stay, timestamptz
) is 'The price of a sold stay as it shall be, as a quote.';
--! EndIncluded checkout/internal/quote_alteration.sql
--! Included checkout/internal/apply_alteration.sql
/*
 * The stay becomes what was agreed: its nights swap in this transaction, and its price is the new
 * quote's. What it costs less goes back to the guest, as far as host and platform hold it. The
 * caller holds the locks on units and booking, and has charged what it costs more.
 */
create or replace function app_hidden.apply_alteration(
  booking app_public.bookings, alteration app_public.alterations,
  actor app_public.booking_actor
) returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations;
  v_quote app_public.quotes;
  v_unit_number smallint := coalesce(
    (
      select c.unit_number from app_public.calendar_claims c
      where c.alteration_id = alteration.id limit 1
    ),
    (
      select n.unit_number
      from app_hidden.alteration_nights(booking, alteration.check_in, alteration.check_out) n
      limit 1
    ),
    booking.unit_number
  );
begin
  delete from app_public.calendar_claims c where c.booking_id = booking.id;
  perform app_hidden.claim_nights(
    booking.listing_id,
    app_hidden.claim_window(alteration.check_in, alteration.check_out, (
      select l.preparation_days from app_public.listings l where l.id = booking.listing_id
    )),
    'booking',
    booking_id => booking.id,
    unit_number => v_unit_number
  );
  select q.* into v_quote from app_public.quotes q where q.id = alteration.quote_id;
  update app_public.bookings b
  set check_in = alteration.check_in, check_out = alteration.check_out,
      guests = alteration.guests, children = v_quote.children, infants = v_quote.infants,
      pets = v_quote.pets, unit_number = v_unit_number, quote_id = alteration.quote_id,
      total_amount = alteration.total_amount, host_amount = alteration.host_amount,
      platform_amount = alteration.platform_amount
  where b.id = booking.id;
  update app_public.alterations a
  set status = 'applied', status_actor = apply_alteration.actor
  where a.id = alteration.id
  returning * into v_alteration;
  if alteration.difference_amount < 0 then
    perform app_hidden.refund_alteration(booking, alteration);
  end if;
  return v_alteration;
end
$$;

comment on function app_hidden.apply_alteration(
  app_public.bookings, app_public.alterations, app_public.booking_actor
) is 'Makes a stay what was agreed, and gives back what it costs less.';
--! EndIncluded checkout/internal/apply_alteration.sql
--! Included checkout/internal/host_lets_alter.sql
/*
 * Whether the host's setting accepts a guest's change: it keeps to the listing's restrictions, and
 * costs no less, for a stay that is made shorter gives money back that the policy would keep.
 */
create or replace function app_hidden.host_lets_alter(
  booking app_public.bookings, alteration app_public.alterations
) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select alteration.difference_amount >= 0 and exists (
    select from app_public.listings l
    join app_hidden.listing_availability u
      on u.listing_id = l.id and u.unit_number = booking.unit_number
    where l.id = booking.listing_id and l.status = 'published' and l.accepts_alterations
      and not exists (
        select from app_public.quotes q
        cross join lateral app_hidden.party_faults(l, q.guests, q.children, q.infants, q.pets) f
        where q.id = alteration.quote_id
      )
      and app_hidden.stay_keeps_restrictions(u, alteration.check_in, alteration.check_out)
  )
$$;

comment on function app_hidden.host_lets_alter(app_public.bookings, app_public.alterations) is
  'Whether the host''s setting accepts a change at once.';
--! EndIncluded checkout/internal/host_lets_alter.sql
--! Included checkout/mutations/propose_alteration.sql
/*
 * A guest or a host proposes another stay in place of a sold one. It is priced now, and that price
 * stands while the proposal does: 24 hours, and no longer than the stay. Where the host's setting
 * accepts changes, a guest's is accepted at once that keeps to the listing's rules and costs no
 * less. Locks: the key, the units, then the booking.
 */
create or replace function app_public.propose_alteration(
  booking_id uuid, idempotency_key text, check_in date, check_out date, guests integer,
  children integer default null, infants integer default null, pets integer default null
) returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(propose_alteration.booking_id);
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_once record;
  v_asked app_hidden.asked_stay;
  v_quote app_public.quotes;
  v_alteration app_public.alterations;
  v_until timestamptz;
begin
  v_once := app_hidden.begin_once(
    propose_alteration.idempotency_key, 'propose_alteration',
    jsonb_build_object(
      'id', v_booking.id, 'checkIn', propose_alteration.check_in,
      'checkOut', propose_alteration.check_out, 'guests', propose_alteration.guests
    ) || jsonb_strip_nulls(jsonb_build_object(
      'children', propose_alteration.children, 'infants', propose_alteration.infants,
      'pets', propose_alteration.pets
    ))
  );
  if v_once.ran_before then
    select a.* into v_alteration from app_public.alterations a where a.id = v_once.result_id;
    return v_alteration;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  update app_public.alterations a
  set status = 'expired', status_actor = 'system', reason = 'Nobody answered in time.'
  where a.booking_id = v_booking.id and a.status = 'proposed'
    and a.expires_at <= app_hidden.clock();
  v_asked := (
    propose_alteration.check_in, propose_alteration.check_out, propose_alteration.guests,
    coalesce(propose_alteration.children, v_booking.children),
    coalesce(propose_alteration.infants, v_booking.infants),
    coalesce(propose_alteration.pets, v_booking.pets)
  );
  perform app_hidden.require_alterable(v_booking, v_asked);
  perform app_hidden.alteration_nights(
    v_booking, propose_alteration.check_in, propose_alteration.check_out
  );
  v_until := least(
    app_hidden.clock() + interval '24 hours',
    v_booking.check_out::timestamp at time zone v_booking.time_zone
  );
  v_quote := app_hidden.quote_alteration(v_booking, v_asked, v_until);
  insert into app_public.alterations (
    booking_id, sequence, quote_id, proposed_by, status_actor, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, old_check_in, old_check_out, old_guests,
    old_total_amount, old_host_amount, old_platform_amount, expires_at
  )
  values (
    v_booking.id,
    1 + (select count(*) from app_public.alterations a where a.booking_id = v_booking.id),
    v_quote.id, v_actor, v_actor, v_quote.check_in, v_quote.check_out, v_quote.guests,
    v_quote.currency, v_quote.total_amount, v_quote.host_amount, v_quote.platform_amount,
    v_booking.check_in, v_booking.check_out, v_booking.guests, v_booking.total_amount,
    v_booking.host_amount, v_booking.platform_amount, v_until
  )
  returning * into v_alteration;
  if v_actor = 'guest' and app_hidden.host_lets_alter(v_booking, v_alteration) then
    v_alteration := app_hidden.settle_alteration(v_booking, v_alteration, 'system');
  end if;
  perform app_hidden.end_once(propose_alteration.idempotency_key, v_alteration.id);
  return v_alteration;
end
$$;

grant execute on function app_public.propose_alteration(
  uuid, text, date, date, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.propose_alteration(
  uuid, text, date, date, integer, integer, integer, integer
) is
  'Proposes other dates or another party for a sold stay, for its guest or its host. '
  'The answer says what it costs more or less; the other side accepts or declines within 24 hours. '
  'To leave early is to propose an earlier check-out. A repeated call with the same key returns '
  'the same proposal.';
--! EndIncluded checkout/mutations/propose_alteration.sql
--! Included notifications/server/mail_to_send.sql
/*
 * What the mail job needs, or nulls where the mail was sent already or the person has no address
 * (imported hosts have none).
 */
create or replace function app_private.mail_to_send(
  mail_id uuid,
  out kind text, out email text, out display_name text, out other_name text,
  out booking_id uuid, out listing_title text, out city text,
  out check_in date, out check_out date, out party jsonb,
  out currency text, out exponent integer, out total_amount bigint, out host_amount bigint,
  out street text, out cancelled_by text, out cancellation_reason text, out kept_host_amount bigint,
  out refund_amount bigint, out refund_reason text, out status text, out status_reason text,
  out answer_due text, out new_check_in date, out new_check_out date, out new_party jsonb,
  out difference_amount bigint, out alteration_reason text, out pay_until text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, c.email, u.display_name, o.display_name, b.id, l.title, l.city,
    b.check_in, b.check_out, pb.party, b.currency, cu.exponent, b.total_amount, b.host_amount,
    a.street, ca.actor::text, ca.reason, ca.host_amount, coalesce(r.amount, ca.refund_amount),
    r.reason, b.status::text, b.status_reason,
    to_char(b.answer_due_at at time zone b.time_zone, 'YYYY-MM-DD HH24:MI') || ' ' || b.time_zone,
    al.check_in, al.check_out, pq.party, al.difference_amount, al.reason,
    to_char(al.expires_at at time zone b.time_zone, 'YYYY-MM-DD HH24:MI') || ' ' || b.time_zone
  from app_private.mails m
  join app_public.users u on u.id = m.user_id
  join app_public.user_contacts c on c.user_id = u.id
  join app_public.bookings b on b.id = m.booking_id
  join app_public.users o
    on o.id = case m.user_id when b.guest_id then b.host_id else b.guest_id end
  join app_public.listings l on l.id = b.listing_id
  join app_public.currencies cu on cu.code = b.currency
  left join app_public.listing_addresses a on a.listing_id = l.id
  left join app_public.cancellations ca on ca.booking_id = b.id
  -- A mail about a refund is about the refund of its event.
  left join app_private.events e on e.id = m.event_id
  left join app_public.refunds r on r.id = e.subject
  left join app_public.alterations al on al.id = e.subject
  left join app_public.quotes q on q.id = al.quote_id
  cross join lateral (
    select jsonb_build_object(
      'adults', b.adults, 'children', b.children, 'infants', b.infants, 'pets', b.pets
    ) as party
  ) pb
  cross join lateral (
    select jsonb_build_object(
      'adults', q.adults, 'children', q.children, 'infants', q.infants, 'pets', q.pets
    ) as party
  ) pq
  where m.id = mail_to_send.mail_id and m.sent_at is null
$$;

grant execute on function app_private.mail_to_send(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mail_to_send(uuid) is
  'What a mail says and to whom; nulls where there is nothing to send.';
--! EndIncluded notifications/server/mail_to_send.sql
