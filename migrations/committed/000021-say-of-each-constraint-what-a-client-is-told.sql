--! Previous: sha1:2b339d5be04dff1b72d1fc63ffdd82d1d2f5b6a5
--! Hash: sha1:67133ac24975f9480358dab19678149e7dd42743
--! Message: Say of each constraint what a client is told

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     foundation/web_url.sql
--   +3 -0   foundation/line.sql
--   +3 -0   foundation/prose.sql
--   +12 -0  foundation/currencies.sql
--   +14 -5  identity/tables/users.sql
--   new     identity/tables/user_contacts.sql
--   +15 -3  identity/tables/registrations.sql
--   new     listings/tables/amenities.sql
--   +67 -18 listings/tables/listings.sql
--   new     listings/tables/listing_addresses.sql
--   +9 -2   listings/tables/listing_photos.sql
--   new     calendar/tables/calendar_claims.sql
--   +25 -4  pricing/tables/listing_rates.sql
--   +10 -2  pricing/tables/dated_rates.sql
--   +18 -3  quotes/tables/quotes.sql
--   +10 -2  quotes/tables/quote_line_items.sql
--   +30 -5  bookings/tables/bookings.sql
--   +12 -2  ledger/tables/ledger_accounts.sql
--   +14 -4  ledger/tables/ledger_transactions.sql
--   +10 -3  ledger/tables/ledger_entries.sql
--   +14 -2  payments/tables/payments.sql
--   +6 -0   payments/tables/refunds.sql
--   +27 -6  reviews/tables/reviews.sql
--   new     bookings/internal/require_guest_booking.sql
--   +3 -10  bookings/mutations/cancel_hold.sql
--   +1 -8   checkout/server/begin_payment.sql
--   +2 -8   reviews/mutations/submit_review.sql
-- (npm run db:commit wrote these lines.)

-- One constraint a column, so that a refusal names the column.
alter table app_public.reviews
  drop constraint if exists reviews_category_ratings_fit,
  drop constraint if exists reviews_cleanliness_rating_fits,
  drop constraint if exists reviews_accuracy_rating_fits,
  drop constraint if exists reviews_check_in_rating_fits,
  drop constraint if exists reviews_communication_rating_fits,
  drop constraint if exists reviews_location_rating_fits,
  drop constraint if exists reviews_value_rating_fits,
  add constraint reviews_cleanliness_rating_fits check (cleanliness_rating between 1 and 5),
  add constraint reviews_accuracy_rating_fits check (accuracy_rating between 1 and 5),
  add constraint reviews_check_in_rating_fits check (check_in_rating between 1 and 5),
  add constraint reviews_communication_rating_fits check (communication_rating between 1 and 5),
  add constraint reviews_location_rating_fits check (location_rating between 1 and 5),
  add constraint reviews_value_rating_fits check (value_rating between 1 and 5);
alter table app_public.listings
  drop constraint if exists listings_rooms_are_plausible,
  drop constraint if exists listings_bedrooms_fit,
  drop constraint if exists listings_beds_fit,
  drop constraint if exists listings_bathrooms_fit,
  add constraint listings_bedrooms_fit check (bedrooms between 0 and 50),
  add constraint listings_beds_fit check (beds between 0 and 100),
  add constraint listings_bathrooms_fit check (bathrooms between 0 and 50);
alter table app_public.listing_addresses
  drop constraint if exists listing_addresses_are_on_earth,
  drop constraint if exists listing_addresses_longitude_is_on_earth,
  drop constraint if exists listing_addresses_latitude_is_on_earth,
  add constraint listing_addresses_longitude_is_on_earth check (longitude between -180 and 180),
  add constraint listing_addresses_latitude_is_on_earth check (latitude between -90 and 90);
--! Included foundation/web_url.sql
-- A link that a client will load: https, no spaces or quotes, bounded.
do $$
begin
  create domain app_public.web_url as text
    constraint web_url_is_https check (value ~ '^https://[^\s"''<>]+$' and length(value) <= 2048);
exception
  when duplicate_object then null;
end
$$;

comment on constraint web_url_is_https on domain app_public.web_url is
  'INVALID_INPUT: Write a URL that begins with https:// and has 2048 characters at most.';

comment on domain app_public.web_url is 'An absolute https URL of at most 2048 characters.';
--! EndIncluded foundation/web_url.sql
--! Included foundation/line.sql
/*
 * Text that people write on one line, such as a name or a title. It travels: into subjects of
 * mails, logs, and pages that show it beside other text. So it has no control characters and no
 * line breaks, no characters that turn the direction of what stands behind it (marks of direction,
 * which Hebrew and Arabic need, turn nothing), and it is not blank to the eye. May be empty where
 * its column lets it.
 *
 * The constraint is made anew each time, so that a changed rule reaches databases that are there.
 */
do $$
begin
  create domain app_public.line as text;
exception
  when duplicate_object then null;
end
$$;

alter domain app_public.line drop constraint if exists line_is_one_line_of_plain_text;
alter domain app_public.line add constraint line_is_one_line_of_plain_text check (
  value !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]'
  and (
    value = ''
    or translate(value, E'\u00ad\u034f\u061c\u115f\u1160\u200b\u3164\ufeff', '')
      ~ '[^\s\u00a0\u2000-\u200f\u202f-\u2064\u3000]'
  )
);

comment on constraint line_is_one_line_of_plain_text on domain app_public.line is
  'INVALID_INPUT: Write one line of plain text, without line breaks or control characters.';

comment on domain app_public.line is
  'One line of plain text: no line breaks, control characters or overrides of direction.';
--! EndIncluded foundation/line.sql
--! Included foundation/prose.sql
/*
 * Text that people write on several lines, such as a description: as app_public.line, with tabs and
 * line breaks.
 */
do $$
begin
  create domain app_public.prose as text;
exception
  when duplicate_object then null;
end
$$;

alter domain app_public.prose drop constraint if exists prose_is_plain_text;
alter domain app_public.prose add constraint prose_is_plain_text check (
  value !~ '[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]'
  and value !~ '[\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]'
);

comment on constraint prose_is_plain_text on domain app_public.prose is
  'INVALID_INPUT: Write plain text, without control characters.';

comment on domain app_public.prose is
  'Plain text of any number of lines: no other control characters, no overrides of direction.';
--! EndIncluded foundation/prose.sql
--! Included foundation/currencies.sql
/*
 * The currencies that the marketplace trades in, with what money arithmetic needs to know about
 * each. Amounts everywhere are integers in the minor unit: 12.34 EUR is 1234, 1234 JPY is 1234.
 */
create table if not exists app_public.currencies (
  code text constraint currencies_pkey primary key,
  number smallint not null,
  name text not null,
  exponent smallint not null,
  charge_step smallint not null,
  minimum_charge_amount bigint not null,
  -- Stripe takes eight digits at most in all of these.
  maximum_charge_amount bigint not null default 99999999,

  constraint currencies_number_key unique (number),
  constraint currencies_code_is_iso_4217 check (code ~ '^[A-Z]{3}$'),
  constraint currencies_exponent_is_known check (exponent in (0, 2, 3)),
  -- Card networks settle three-decimal currencies in tens of the minor unit.
  constraint currencies_charge_step_fits_exponent
    check (charge_step = case exponent when 3 then 10 else 1 end),
  constraint currencies_charge_amounts_are_ordered
    check (0 < minimum_charge_amount and minimum_charge_amount < maximum_charge_amount)
);

alter table app_public.currencies enable row level security;
alter table app_public.currencies force row level security;

comment on table app_public.currencies is 'A currency that listings can be priced in.';
comment on column app_public.currencies.code is 'ISO 4217 letters.';
comment on column app_public.currencies.number is 'ISO 4217 number.';
comment on column app_public.currencies.name is 'English name.';
comment on column app_public.currencies.exponent is
  'Decimals: an amount of 1234 with exponent 2 is 12.34.';
comment on column app_public.currencies.charge_step is
  'Amounts that are charged are multiples of this, in minor units.';
comment on column app_public.currencies.minimum_charge_amount is
  'The least that a card can be charged, in minor units.';
comment on column app_public.currencies.maximum_charge_amount is
  'The most that a card can be charged at once, in minor units.';

select app_hidden.drop_policies('app_public.currencies');
create policy select_all on app_public.currencies for select to :DATABASE_VISITOR using (true);
grant select on app_public.currencies to :DATABASE_VISITOR;
-- No insert, update or delete: a currency comes with a migration.

insert into app_public.currencies (code, number, name, exponent, charge_step, minimum_charge_amount)
values
  ('AED', 784, 'UAE dirham', 2, 1, 200),
  ('AUD', 36, 'Australian dollar', 2, 1, 50),
  ('BRL', 986, 'Brazilian real', 2, 1, 50),
  ('CAD', 124, 'Canadian dollar', 2, 1, 50),
  ('CHF', 756, 'Swiss franc', 2, 1, 50),
  ('CZK', 203, 'Czech koruna', 2, 1, 1500),
  ('DKK', 208, 'Danish krone', 2, 1, 250),
  ('EUR', 978, 'Euro', 2, 1, 50),
  ('GBP', 826, 'Pound sterling', 2, 1, 30),
  ('HKD', 344, 'Hong Kong dollar', 2, 1, 400),
  ('HUF', 348, 'Hungarian forint', 2, 1, 17500),
  ('INR', 356, 'Indian rupee', 2, 1, 50),
  ('JPY', 392, 'Japanese yen', 0, 1, 50),
  ('KRW', 410, 'South Korean won', 0, 1, 500),
  ('KWD', 414, 'Kuwaiti dinar', 3, 10, 200),
  ('MXN', 484, 'Mexican peso', 2, 1, 1000),
  ('NOK', 578, 'Norwegian krone', 2, 1, 300),
  ('NZD', 554, 'New Zealand dollar', 2, 1, 50),
  ('PLN', 985, 'Polish zloty', 2, 1, 200),
  ('SEK', 752, 'Swedish krona', 2, 1, 300),
  ('SGD', 702, 'Singapore dollar', 2, 1, 50),
  ('THB', 764, 'Thai baht', 2, 1, 1000),
  ('TND', 788, 'Tunisian dinar', 3, 10, 2000),
  ('TRY', 949, 'Turkish lira', 2, 1, 2000),
  ('USD', 840, 'US dollar', 2, 1, 50),
  ('ZAR', 710, 'South African rand', 2, 1, 1000)
on conflict (code) do update
  set number = excluded.number, name = excluded.name, exponent = excluded.exponent,
      charge_step = excluded.charge_step, minimum_charge_amount = excluded.minimum_charge_amount;

-- What a client is told: the code, and the sentence.
comment on constraint currencies_number_key on app_public.currencies is
  'INTERNAL: A currency has a number of its own.';
comment on constraint currencies_code_is_iso_4217 on app_public.currencies is
  'INTERNAL: A currency has a code of three capital letters.';
comment on constraint currencies_exponent_is_known on app_public.currencies is
  'INTERNAL: A currency has 0, 2 or 3 decimals.';
comment on constraint currencies_charge_step_fits_exponent on app_public.currencies is
  'INTERNAL: The step of a charge fits the currency.';
comment on constraint currencies_charge_amounts_are_ordered on app_public.currencies is
  'INTERNAL: The smallest charge is less than the largest.';
--! EndIncluded foundation/currencies.sql
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

create or replace trigger _100_touch
  before update on app_public.users
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.users
  for each row execute function app_hidden.tg__append_event('person.created', 'id');

create or replace trigger _600_updated
  after update on app_public.users
  for each row execute function app_hidden.tg__append_event('person.updated', 'id');

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
--! Included identity/tables/user_contacts.sql
create table if not exists app_public.user_contacts (
  user_id uuid not null
    constraint user_contacts_pkey primary key
    constraint user_contacts_user_id_fkey references app_public.users on delete cascade,
  email app_public.line not null,
  email_verified_at timestamptz,
  phone text,

  -- One account an address. Its violation tells that an account exists, so only functions of
  -- app_private that keep quiet about it write here.
  constraint user_contacts_email_key unique (email),
  constraint user_contacts_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  -- People write addresses in any case; one spelling makes the unique constraint mean it.
  constraint user_contacts_email_is_lower_case check (email = lower(email)),
  constraint user_contacts_phone_is_e164 check (phone ~ '^\+[1-9][0-9]{6,14}$')
);

alter table app_public.user_contacts enable row level security;
alter table app_public.user_contacts force row level security;

comment on table app_public.user_contacts is 'How to reach a person; visible to that person only.';
comment on column app_public.user_contacts.user_id is 'Whose contacts these are.';
comment on column app_public.user_contacts.email is 'E-mail address, in lower case.';
comment on column app_public.user_contacts.email_verified_at is
  'When the person proved that the address is theirs.';
comment on column app_public.user_contacts.phone is 'Telephone number in E.164 form.';

-- What a client is told: the code, and the sentence.
comment on constraint user_contacts_email_key on app_public.user_contacts is
  'INTERNAL: An address belongs to one person.';
comment on constraint user_contacts_email_is_plausible on app_public.user_contacts is
  'INVALID_INPUT: An e-mail address looks like name@example.com.';
comment on constraint user_contacts_email_is_lower_case on app_public.user_contacts is
  'INTERNAL: An address is kept in lower case.';
comment on constraint user_contacts_phone_is_e164 on app_public.user_contacts is
  'INVALID_INPUT: A phone number is + and 7 to 15 digits, such as +351912345678.';
--! EndIncluded identity/tables/user_contacts.sql
--! Included identity/tables/registrations.sql
/*
 * Somebody says that an address is theirs. A person comes to be when they open the link in the
 * mail and repeat the password, so that nobody squats on another's address or waits for its owner
 * to confirm an account that is not theirs, and so that registering and logging in answer the same
 * whether the address was known or not.
 */
create table if not exists app_private.registrations (
  id uuid not null default uuidv7() constraint registrations_pkey primary key,
  email app_public.line not null,
  display_name app_public.line not null,
  password_hash text not null,
  token_hash bytea,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '1 day',

  constraint registrations_token_hash_key unique (token_hash),
  constraint registrations_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> ''),
  constraint registrations_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  constraint registrations_email_is_lower_case check (email = lower(email)),
  constraint registrations_password_is_hashed check (password_hash like '$argon2id$%')
);

alter table app_private.registrations enable row level security;
alter table app_private.registrations force row level security;

-- purge_expired_identity() walks what is past its time.
create index if not exists registrations_expires_at_idx on app_private.registrations (expires_at);

comment on table app_private.registrations is 'Accounts that wait for their address to be proven.';

-- What a client is told: the code, and the sentence.
comment on constraint registrations_token_hash_key on app_private.registrations is
  'INTERNAL: A token belongs to one registration.';
comment on constraint registrations_display_name_has_length on app_private.registrations is
  'INVALID_INPUT: A name has 1 to 80 characters.';
comment on constraint registrations_email_is_plausible on app_private.registrations is
  'INVALID_INPUT: An e-mail address looks like name@example.com.';
comment on constraint registrations_email_is_lower_case on app_private.registrations is
  'INTERNAL: An address is kept in lower case.';
comment on constraint registrations_password_is_hashed on app_private.registrations is
  'INTERNAL: A password is hashed.';
--! EndIncluded identity/tables/registrations.sql
--! Included listings/tables/amenities.sql
/*
 * The catalogue of what a listing may offer. Only searchable amenities have a bit in the search
 * masks, of which there are few: see search/tables/search_bits.sql.
 */
create table if not exists app_public.amenities (
  code text constraint amenities_pkey primary key,
  name text not null,
  category text not null,
  is_searchable boolean not null,

  constraint amenities_code_is_a_word check (code ~ '^[a-z][a-z0-9_]{1,40}$')
);

alter table app_public.amenities enable row level security;
alter table app_public.amenities force row level security;

comment on table app_public.amenities is 'Something that a listing may offer.';
comment on column app_public.amenities.code is 'Stable word for programs, such as wifi.';
comment on column app_public.amenities.name is 'English name for people.';
comment on column app_public.amenities.category is 'Group to show it under.';
comment on column app_public.amenities.is_searchable is 'Whether listings can be searched by it.';

-- What a client is told: the code, and the sentence.
comment on constraint amenities_code_is_a_word on app_public.amenities is
  'INTERNAL: The code of an amenity is a word in lower case.';
--! EndIncluded listings/tables/amenities.sql
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

  constraint listings_title_has_length check (length(title) <= 200 and btrim(title) <> ''),
  constraint listings_description_is_bounded check (length(description) <= 20000),
  constraint listings_house_rules_are_bounded check (length(house_rules) <= 10000),
  -- Sixteen is where the capacity steps of search end.
  constraint listings_max_guests_fits check (max_guests between 1 and 16),
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
comment on column app_public.listings.max_guests is 'How many people may stay, 1 to 16.';
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
--! Included listings/tables/listing_addresses.sql
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
  constraint listing_addresses_longitude_is_on_earth check (longitude between -180 and 180),
  constraint listing_addresses_latitude_is_on_earth check (latitude between -90 and 90)
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

-- What a client is told: the code, and the sentence.
comment on constraint listing_addresses_street_has_length on app_public.listing_addresses is
  'INVALID_INPUT: A street has 1 to 300 characters.';
comment on constraint listing_addresses_postal_code_is_bounded on app_public.listing_addresses is
  'INVALID_INPUT: A postal code has 20 characters at most.';
comment on constraint listing_addresses_directions_are_bounded on app_public.listing_addresses is
  'INVALID_INPUT: Directions have 5000 characters at most.';
comment on constraint listing_addresses_longitude_is_on_earth on app_public.listing_addresses is
  'INVALID_INPUT: A longitude is from -180 to 180 degrees.';
comment on constraint listing_addresses_latitude_is_on_earth on app_public.listing_addresses is
  'INVALID_INPUT: A latitude is from -90 to 90 degrees.';
--! EndIncluded listings/tables/listing_addresses.sql
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

  -- N1: no night of a unit has two live claims, whoever wrote them. The guard row decides first
  -- (two inserts that meet on this constraint deadlock); this stands behind it.
  constraint calendar_claims_nights_excl
    exclude using gist (listing_id with =, unit_number with =, nights with &&),
  constraint calendar_claims_unit_fkey
    foreign key (listing_id, unit_number)
    references app_hidden.listing_availability (listing_id, unit_number) on delete cascade,
  -- One claim a booking.
  constraint calendar_claims_booking_id_key unique (booking_id),
  constraint calendar_claims_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint calendar_claims_kind_has_booking
    check ((kind in ('hold', 'booking')) = (booking_id is not null)),
  constraint calendar_claims_only_holds_expire check (expires_at is null or kind = 'hold'),
  constraint calendar_claims_note_is_bounded check (length(note) <= 500)
);

alter table app_public.calendar_claims enable row level security;
alter table app_public.calendar_claims force row level security;

-- A host's calendar in order, and the foreign key to the unit.
create index if not exists calendar_claims_unit_idx
  on app_public.calendar_claims (listing_id, unit_number, lower(nights));

-- Holds past their time are found by this, for one listing or for all.
create index if not exists calendar_claims_expires_at_idx
  on app_public.calendar_claims (expires_at, listing_id) where expires_at is not null;

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
  'When a hold ends; null for what lasts, and while a payment is being processed.';
comment on column app_public.calendar_claims.note is 'The host''s own note.';
comment on column app_public.calendar_claims.created_at is 'When they were taken.';

-- What a client is told: the code, and the sentence.
comment on constraint calendar_claims_nights_excl on app_public.calendar_claims is
  'DATES_UNAVAILABLE: These nights are taken.';
comment on constraint calendar_claims_booking_id_key on app_public.calendar_claims is
  'INTERNAL: A booking has one unit.';
comment on constraint calendar_claims_nights_are_finite on app_public.calendar_claims is
  'INVALID_INPUT: The nights have a first and a last day.';
comment on constraint calendar_claims_kind_has_booking on app_public.calendar_claims is
  'INTERNAL: A hold or a booking of nights belongs to a booking.';
comment on constraint calendar_claims_only_holds_expire on app_public.calendar_claims is
  'INTERNAL: Only a hold expires.';
comment on constraint calendar_claims_note_is_bounded on app_public.calendar_claims is
  'INVALID_INPUT: A note has 500 characters at most.';
--! EndIncluded calendar/tables/calendar_claims.sql
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

  -- Line items refer to both, so that they cannot be in another currency.
  constraint quotes_currency_key unique (id, currency),
  constraint quotes_stay_is_ordered check (check_in < check_out),
  constraint quotes_guests_are_positive check (guests > 0),
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
  before update of id, listing_id, guest_id, check_in, check_out, guests, currency,
    total_amount, host_amount, platform_amount, cancellation_policy
  on app_public.quotes
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.quotes is
  'A priced offer for one stay that can be booked until it expires.';
comment on column app_public.quotes.id is 'Public id of the quote, by which it is booked.';
comment on column app_public.quotes.listing_id is 'The listing.';
comment on column app_public.quotes.guest_id is 'To whom it is offered.';
comment on column app_public.quotes.check_in is 'First night, local date.';
comment on column app_public.quotes.check_out is 'Day of leaving, local date.';
comment on column app_public.quotes.guests is 'How many people stay.';
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
comment on constraint quotes_shares_sum on app_public.quotes is
  'INTERNAL: The shares of a quote are its total.';
comment on constraint quotes_amounts_are_not_negative on app_public.quotes is
  'INTERNAL: A quote has a price, and shares that are not negative.';
--! EndIncluded quotes/tables/quotes.sql
--! Included quotes/tables/quote_line_items.sql
create table if not exists app_public.quote_line_items (
  quote_id uuid not null,
  position smallint not null,
  code text not null,
  rule text not null,
  currency text not null,
  unit_amount bigint not null,
  quantity integer not null,
  amount bigint not null,
  payer app_public.party not null,
  payee app_public.party not null,

  constraint quote_line_items_pkey primary key (quote_id, position),
  constraint quote_line_items_quote_fkey foreign key (quote_id, currency)
    references app_public.quotes (id, currency) on delete cascade,
  constraint quote_line_items_amount_is_product
    check (amount = unit_amount * quantity and amount > 0),
  constraint quote_line_items_parties_differ check (payer <> payee)
);

alter table app_public.quote_line_items enable row level security;
alter table app_public.quote_line_items force row level security;

create index if not exists quote_line_items_quote_idx
  on app_public.quote_line_items (quote_id, currency);

create or replace trigger _100_immutable
  before update on app_public.quote_line_items
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.quote_line_items is 'A line of a quote; the lines sum to its amounts.';
comment on column app_public.quote_line_items.quote_id is 'The quote.';
comment on column app_public.quote_line_items.position is 'Order within the quote, from 1.';
comment on column app_public.quote_line_items.code is
  'What is paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.quote_line_items.rule is 'The rule that made the price.';
comment on column app_public.quote_line_items.currency is 'ISO 4217 currency.';
comment on column app_public.quote_line_items.unit_amount is 'Price of one, in minor units.';
comment on column app_public.quote_line_items.quantity is 'How many.';
comment on column app_public.quote_line_items.amount is
  'Unit amount times quantity, in minor units.';
comment on column app_public.quote_line_items.payer is 'Who pays it.';
comment on column app_public.quote_line_items.payee is 'Who receives it.';

-- What a client is told: the code, and the sentence.
comment on constraint quote_line_items_amount_is_product on app_public.quote_line_items is
  'INTERNAL: The amount of a line is its unit amount times its quantity.';
comment on constraint quote_line_items_parties_differ on app_public.quote_line_items is
  'INTERNAL: Nobody pays themselves.';
--! EndIncluded quotes/tables/quote_line_items.sql
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

  -- A quote is sold once.
  constraint bookings_quote_id_key unique (quote_id),
  -- A request that is repeated finds what it made the first time.
  constraint bookings_idempotency_key_key unique (guest_id, idempotency_key),
  constraint bookings_idempotency_key_has_length check (length(idempotency_key) between 8 and 200),
  constraint bookings_stay_is_ordered check (check_in < check_out),
  constraint bookings_guests_are_positive check (guests > 0),
  constraint bookings_guest_is_not_host check (guest_id <> host_id),
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
comment on column app_public.bookings.guests is 'How many people stay.';
comment on column app_public.bookings.currency is 'ISO 4217 currency.';
comment on column app_public.bookings.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.bookings.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.bookings.platform_amount is
  'What the platform earns of it, in minor units.';
comment on column app_public.bookings.cancellation_policy is 'The policy the stay was sold under.';
comment on column app_public.bookings.time_zone is 'IANA zone of the dates.';
comment on column app_public.bookings.hold_expires_at is
  'Until when the nights are held for payment.';
comment on column app_public.bookings.confirmed_at is 'When it was confirmed.';
comment on column app_public.bookings.created_at is 'When it was made.';
comment on column app_public.bookings.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
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
comment on constraint bookings_guest_is_not_host on app_public.bookings is
  'OWN_LISTING: Hosts do not book their own listing.';
comment on constraint bookings_shares_sum on app_public.bookings is
  'INTERNAL: The shares of a booking are its total.';
comment on constraint bookings_amounts_are_not_negative on app_public.bookings is
  'INTERNAL: A booking has a price, and shares that are not negative.';
--! EndIncluded bookings/tables/bookings.sql
--! Included ledger/tables/ledger_accounts.sql
/*
 * The accounts of the double-entry ledger. A debit is positive, a credit negative: what Stripe
 * holds for us is positive, what we owe a host is negative.
 */
create table if not exists app_public.ledger_accounts (
  id uuid not null default uuidv7() constraint ledger_accounts_pkey primary key,
  kind app_public.ledger_account_kind not null,
  user_id uuid constraint ledger_accounts_user_id_fkey
    references app_public.users on delete restrict,
  currency text not null
    constraint ledger_accounts_currency_fkey references app_public.currencies on delete restrict,

  constraint ledger_accounts_holder_key unique nulls not distinct (kind, user_id, currency),
  constraint ledger_accounts_currency_key unique (id, currency),
  constraint ledger_accounts_hosts_have_a_user
    check ((kind in ('host_payable', 'host_receivable')) = (user_id is not null))
);

alter table app_public.ledger_accounts enable row level security;
alter table app_public.ledger_accounts force row level security;

create index if not exists ledger_accounts_user_id_idx on app_public.ledger_accounts (user_id);
create index if not exists ledger_accounts_currency_idx on app_public.ledger_accounts (currency);

-- M2: entries would change their meaning with their account.
create or replace trigger _100_immutable
  before update on app_public.ledger_accounts
  for each row when (OLD is distinct from NEW)
  execute function app_hidden.tg__immutable();

comment on table app_public.ledger_accounts is 'An account of the ledger; hosts see their own.';
comment on column app_public.ledger_accounts.id is 'Public id of the account.';
comment on column app_public.ledger_accounts.kind is
  'What it counts: host payable is what the platform owes a host.';
comment on column app_public.ledger_accounts.user_id is 'The host, for accounts of a host.';
comment on column app_public.ledger_accounts.currency is 'ISO 4217 currency.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_accounts_holder_key on app_public.ledger_accounts is
  'INTERNAL: A holder has one account of a kind and currency.';
comment on constraint ledger_accounts_currency_key on app_public.ledger_accounts is
  'INTERNAL: An account has one currency.';
comment on constraint ledger_accounts_hosts_have_a_user on app_public.ledger_accounts is
  'INTERNAL: An account of a host has a host.';
--! EndIncluded ledger/tables/ledger_accounts.sql
--! Included ledger/tables/ledger_transactions.sql
/*
 * One external fact, written down once (M3), and never changed (M2): a correction is another
 * transaction that reverses it.
 */
create table if not exists app_public.ledger_transactions (
  id uuid not null default uuidv7() constraint ledger_transactions_pkey primary key,
  external_fact text not null,
  kind text not null,
  booking_id uuid
    constraint ledger_transactions_booking_id_fkey
      references app_public.bookings on delete restrict,
  created_at timestamptz not null default app_hidden.clock(),

  constraint ledger_transactions_external_fact_key unique (external_fact),
  constraint ledger_transactions_kind_is_known
    check (kind in ('charge', 'late_charge', 'refund', 'refund_failure'))
);

alter table app_public.ledger_transactions enable row level security;
alter table app_public.ledger_transactions force row level security;

create index if not exists ledger_transactions_booking_id_idx
  on app_public.ledger_transactions (booking_id);

create or replace trigger _100_immutable
  before update or delete on app_public.ledger_transactions
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_transactions
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.ledger_transactions is
  'Something that happened to money; its entries sum to zero.';
comment on column app_public.ledger_transactions.id is 'Public id of the transaction.';
comment on column app_public.ledger_transactions.external_fact is
  'What happened outside, such as charge:ch_123; once each.';
comment on column app_public.ledger_transactions.kind is
  'charge, late_charge, refund or refund_failure.';
comment on column app_public.ledger_transactions.booking_id is 'The booking it is about.';
comment on column app_public.ledger_transactions.created_at is 'When it was written down.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_transactions_external_fact_key on app_public.ledger_transactions is
  'INTERNAL: What happened outside is in the ledger once.';
comment on constraint ledger_transactions_kind_is_known on app_public.ledger_transactions is
  'INTERNAL: The ledger knows this kind of transaction.';
--! EndIncluded ledger/tables/ledger_transactions.sql
--! Included ledger/tables/ledger_entries.sql
create table if not exists app_public.ledger_entries (
  id uuid not null default uuidv7() constraint ledger_entries_pkey primary key,
  transaction_id uuid not null
    constraint ledger_entries_transaction_id_fkey
    references app_public.ledger_transactions on delete restrict,
  account_id uuid not null,
  currency text not null,
  amount bigint not null,

  -- An entry is in the currency of its account.
  constraint ledger_entries_account_fkey foreign key (account_id, currency)
    references app_public.ledger_accounts (id, currency) on delete restrict,
  constraint ledger_entries_amount_is_not_zero check (amount <> 0)
);

alter table app_public.ledger_entries enable row level security;
alter table app_public.ledger_entries force row level security;

create index if not exists ledger_entries_transaction_id_idx
  on app_public.ledger_entries (transaction_id);
-- The statement of an account, newest first.
create index if not exists ledger_entries_account_idx
  on app_public.ledger_entries (account_id, currency, id);

create or replace trigger _100_immutable
  before update or delete on app_public.ledger_entries
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_entries
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.ledger_entries is 'One side of a ledger transaction.';
comment on column app_public.ledger_entries.id is 'Public id of the entry.';
comment on column app_public.ledger_entries.transaction_id is 'What happened.';
comment on column app_public.ledger_entries.account_id is 'Whose account.';
comment on column app_public.ledger_entries.currency is 'ISO 4217 currency.';
comment on column app_public.ledger_entries.amount is
  'In minor units; a debit is positive, a credit negative: what the platform owes a host is '
  'negative.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_entries_amount_is_not_zero on app_public.ledger_entries is
  'INTERNAL: An entry of the ledger is not zero.';
--! EndIncluded ledger/tables/ledger_entries.sql
--! Included payments/tables/payments.sql
/*
 * A charge of a booking's guest. The amount is the booking's, read by the database; Stripe's intent
 * follows the row, whose id is the idempotency key.
 */
create table if not exists app_public.payments (
  id uuid not null default uuidv7() constraint payments_pkey primary key,
  booking_id uuid not null
    constraint payments_booking_id_fkey references app_public.bookings on delete restrict,
  status app_public.payment_status not null default 'requires_payment',
  currency text not null
    constraint payments_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  captured_amount bigint not null default 0,
  refunded_amount bigint not null default 0,
  stripe_payment_intent_id text,
  stripe_charge_id text,
  failure_code text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint payments_stripe_payment_intent_id_key unique (stripe_payment_intent_id),
  constraint payments_stripe_charge_id_key unique (stripe_charge_id),
  constraint payments_amounts_are_ordered check (
    amount > 0 and captured_amount between 0 and amount
    and refunded_amount between 0 and captured_amount
  ),
  constraint payments_captured_has_charge
    check (captured_amount = 0 or stripe_charge_id is not null)
);

alter table app_public.payments enable row level security;
alter table app_public.payments force row level security;

-- M6: at most one payment of a booking is alive or has taken money.
create unique index if not exists payments_one_live_a_booking
  on app_public.payments (booking_id) where status not in ('failed', 'cancelled');
-- requeue_stale_stripe() asks after payments that have been open for long.
create index if not exists payments_open_idx on app_public.payments (created_at)
  where status in ('requires_payment', 'requires_action', 'processing', 'authorised');
create index if not exists payments_booking_id_idx on app_public.payments (booking_id);
create index if not exists payments_currency_idx on app_public.payments (currency);

create or replace trigger _100_touch
  before update on app_public.payments
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.payments
  for each row execute function app_hidden.tg__append_event('payment.created', 'id', 'booking_id');

create or replace trigger _600_status
  after update of status on app_public.payments
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('payment.{status}', 'id', 'booking_id');

comment on table app_public.payments is 'A charge of a booking''s guest, visible to that guest.';
comment on column app_public.payments.id is 'Public id of the payment.';
comment on column app_public.payments.booking_id is 'What is paid for.';
comment on column app_public.payments.status is 'Where the payment is.';
comment on column app_public.payments.currency is 'ISO 4217 currency.';
comment on column app_public.payments.amount is 'What is to be paid, in minor units.';
comment on column app_public.payments.captured_amount is 'What was taken, in minor units.';
comment on column app_public.payments.refunded_amount is 'What was given back, in minor units.';
comment on column app_public.payments.stripe_payment_intent_id is 'Stripe''s id of the intent.';
comment on column app_public.payments.stripe_charge_id is
  'Stripe''s id of the charge that took the money.';
comment on column app_public.payments.failure_code is
  'Why the last attempt failed, in Stripe''s words, such as card_declined.';
comment on column app_public.payments.created_at is 'When it was begun.';
comment on column app_public.payments.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint payments_stripe_payment_intent_id_key on app_public.payments is
  'INTERNAL: An intent belongs to one payment.';
comment on constraint payments_stripe_charge_id_key on app_public.payments is
  'INTERNAL: A charge belongs to one payment.';
comment on constraint payments_amounts_are_ordered on app_public.payments is
  'INTERNAL: No more is captured than asked for, and no more refunded than captured.';
comment on constraint payments_captured_has_charge on app_public.payments is
  'INTERNAL: What is captured has a charge.';
--! EndIncluded payments/tables/payments.sql
--! Included payments/tables/refunds.sql
create table if not exists app_public.refunds (
  id uuid not null default uuidv7() constraint refunds_pkey primary key,
  payment_id uuid not null
    constraint refunds_payment_id_fkey references app_public.payments on delete restrict,
  status app_public.refund_status not null default 'requested',
  reason text not null,
  currency text not null
    constraint refunds_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  stripe_refund_id text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint refunds_stripe_refund_id_key unique (stripe_refund_id),
  constraint refunds_amount_is_positive check (amount > 0)
);

alter table app_public.refunds enable row level security;
alter table app_public.refunds force row level security;

-- requeue_stale_stripe() asks after refunds that have been open for long.
create index if not exists refunds_open_idx on app_public.refunds (created_at)
  where status in ('requested', 'pending');
create index if not exists refunds_payment_id_idx on app_public.refunds (payment_id);
create index if not exists refunds_currency_idx on app_public.refunds (currency);

create or replace trigger _100_touch
  before update on app_public.refunds
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.refunds
  for each row execute function app_hidden.tg__append_event('refund.created', 'id', 'payment_id');

create or replace trigger _600_status
  after update of status on app_public.refunds
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('refund.{status}', 'id', 'payment_id');

comment on table app_public.refunds is 'Money given back to a guest.';
comment on column app_public.refunds.id is 'Public id of the refund.';
comment on column app_public.refunds.payment_id is 'The payment that is given back.';
comment on column app_public.refunds.status is 'Where the refund is.';
comment on column app_public.refunds.reason is 'Why it is given back.';
comment on column app_public.refunds.currency is 'ISO 4217 currency.';
comment on column app_public.refunds.amount is 'How much, in minor units.';
comment on column app_public.refunds.stripe_refund_id is 'Stripe''s id of the refund.';
comment on column app_public.refunds.created_at is 'When it was decided.';
comment on column app_public.refunds.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint refunds_stripe_refund_id_key on app_public.refunds is
  'INTERNAL: A refund at Stripe is one of ours.';
comment on constraint refunds_amount_is_positive on app_public.refunds is
  'INTERNAL: A refund is more than zero.';
--! EndIncluded payments/tables/refunds.sql
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
--! Included bookings/internal/require_guest_booking.sql
/*
 * A booking of whoever is signed in, as its guest. Its host sees it, and is told that this is the
 * guest's to do; for all others it is not there. Nothing is locked: nobody holds up a booking that
 * is not theirs.
 */
create or replace function app_hidden.require_guest_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = require_guest_booking.booking_id and v_user_id in (b.guest_id, b.host_id);
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  if v_booking.guest_id <> v_user_id then
    raise exception 'This is for the guest of the stay to do.'
      using errcode = 'SBG02', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_guest_booking(uuid) is
  'The booking of the guest who is signed in; BOOKING_NOT_FOUND or FORBIDDEN otherwise.';
--! EndIncluded bookings/internal/require_guest_booking.sql
--! Included bookings/mutations/cancel_hold.sql
/*
 * A guest changes their mind before paying; a booking that is paid does not end here. Locks: the
 * units, then the booking.
 */
create or replace function app_public.cancel_hold(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(cancel_hold.booking_id);
begin
  perform app_hidden.lock_units(v_booking.listing_id);
  update app_public.bookings b
  set status = 'cancelled', status_actor = 'guest', status_reason = 'Cancelled before payment.'
  where b.id = v_booking.id and b.status = 'pending_payment'
    and not exists (
      select from app_public.calendar_claims c where c.booking_id = b.id and c.expires_at is null
    )
  returning * into v_booking;
  if not found then
    raise exception 'Only a booking that waits for payment can be given up.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

grant execute on function app_public.cancel_hold(uuid) to :DATABASE_VISITOR;

comment on function app_public.cancel_hold(uuid) is
  'Gives up a booking that waits for payment and frees its nights.';
--! EndIncluded bookings/mutations/cancel_hold.sql
--! Included checkout/server/begin_payment.sql
/*
 * The payment of a booking that waits for it: the one there is, or a new one. The amount is the
 * booking's. Called by the server with the guest's claims; Stripe is asked after this has
 * committed, with the payment's id as idempotency key.
 */
create or replace function app_private.begin_payment(booking_id uuid) returns app_public.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(begin_payment.booking_id);
  v_payment app_public.payments;
begin
  v_booking := app_hidden.lock_booking(v_booking.id);
  if v_booking.status in ('confirmed', 'completed') then
    raise exception 'This booking is paid.' using errcode = 'SBB06';
  end if;
  if v_booking.status = 'expired'
    or (v_booking.status = 'pending_payment' and v_booking.hold_expires_at <= app_hidden.clock())
  then
    raise exception 'The hold has expired; ask for a new quote.' using errcode = 'SBB07';
  end if;
  if v_booking.status <> 'pending_payment' then
    raise exception 'A booking that is % cannot be paid.', v_booking.status using errcode = 'SBB06';
  end if;

  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.status not in ('failed', 'cancelled');
  if v_payment.id is null then
    insert into app_public.payments (booking_id, currency, amount)
    values (v_booking.id, v_booking.currency, v_booking.total_amount)
    returning * into v_payment;
  end if;
  return v_payment;
end
$$;

grant execute on function app_private.begin_payment(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_payment(uuid) is
  'The live payment of a booking of whoever is signed in; made when first asked for.';
--! EndIncluded checkout/server/begin_payment.sql
--! Included reviews/mutations/submit_review.sql
/*
 * The guest rates the stay, from the local check-out day on. The listing row is locked first, so
 * that two reviews of one listing count one after the other; weakly enough that bookings may go on.
 */
create or replace function app_public.submit_review(
  booking_id uuid,
  rating integer,
  comment text,
  cleanliness_rating integer default null,
  accuracy_rating integer default null,
  check_in_rating integer default null,
  communication_rating integer default null,
  location_rating integer default null,
  value_rating integer default null
) returns app_public.reviews
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(submit_review.booking_id);
  v_review app_public.reviews;
begin
  if v_booking.status not in ('confirmed', 'completed')
    or app_hidden.local_today(v_booking.time_zone) < v_booking.check_out
  then
    raise exception 'A stay can be reviewed from the day of check-out on.'
      using errcode = 'SBR01', column = 'booking_id';
  end if;
  if submit_review.rating is null or submit_review.rating not between 1 and 5 then
    raise exception 'Rate from 1 to 5.' using errcode = 'SBR03', column = 'rating';
  end if;

  perform app_hidden.lock_listing(v_booking.listing_id);
  insert into app_public.reviews (
    booking_id, listing_id, direction, author_id, subject_id, rating, comment,
    cleanliness_rating, accuracy_rating, check_in_rating, communication_rating,
    location_rating, value_rating, published_at
  )
  values (
    v_booking.id, v_booking.listing_id, 'guest_to_host', v_booking.guest_id, v_booking.host_id,
    submit_review.rating, btrim(coalesce(submit_review.comment, '')),
    submit_review.cleanliness_rating, submit_review.accuracy_rating,
    submit_review.check_in_rating, submit_review.communication_rating,
    submit_review.location_rating, submit_review.value_rating, app_hidden.clock()
  )
  on conflict on constraint reviews_booking_id_key do nothing
  returning * into v_review;
  if v_review.id is null then
    raise exception 'This stay is reviewed already.' using errcode = 'SBR02', column = 'booking_id';
  end if;
  return v_review;
end
$$;

grant execute on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) is 'Rates a stay after check-out: overall and, where given, by category, 1 to 5. Once a booking.';
--! EndIncluded reviews/mutations/submit_review.sql
