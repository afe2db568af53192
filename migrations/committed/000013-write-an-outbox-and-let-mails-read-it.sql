--! Previous: sha1:63ba01a1fe59555dcb541d463805cebe7c0b13cd
--! Hash: sha1:bca08180f4ece5e3d085b9d165fdae4b474ee197
--! Message: write an outbox and let mails read it

--! split: 1-current.sql
--! Included foundation/event_types.sql
/*
 * The names of all events, with one sentence each. A name is the noun and what has become of it; the
 * statuses of listings, bookings, payments and refunds are used as they are.
 */
create table if not exists app_private.event_types (
  name text constraint event_types_pkey primary key,
  description text not null,

  constraint event_types_name_has_shape check (name ~ '^[a-z]+\.[a-z_]+$')
);

alter table app_private.event_types enable row level security;
alter table app_private.event_types force row level security;

comment on table app_private.event_types is 'What events can tell, one sentence each.';

select app_hidden.drop_policies('app_private.event_types');

insert into app_private.event_types (name, description)
values
  ('person.created', 'Somebody has joined.'),
  ('person.updated', 'A profile has changed, or its person has become a host.'),
  ('listing.created', 'A host has begun a listing.'),
  ('listing.updated', 'What guests see of a listing has changed: text, place, photos, amenities, rates or rating.'),
  ('listing.draft', 'A listing is a draft again.'),
  ('listing.pending_approval', 'A listing waits for the operator.'),
  ('listing.published', 'Everybody sees a listing.'),
  ('listing.paused', 'A host has taken a listing out of search for a while.'),
  ('listing.suspended', 'The operator has taken a listing out of search.'),
  ('listing.archived', 'A listing has ended.'),
  ('booking.created', 'A guest holds nights and has not paid yet.'),
  ('booking.pending_payment', 'A booking waits for payment again.'),
  ('booking.requested', 'A booking is paid for and waits for its host.'),
  ('booking.confirmed', 'A stay is sold.'),
  ('booking.completed', 'A stay is over.'),
  ('booking.expired', 'A booking has ended because nobody paid or answered in time.'),
  ('booking.declined', 'A host has declined a booking.'),
  ('booking.cancelled', 'The guest, the host or the operator has cancelled a booking.'),
  ('payment.created', 'A guest has begun to pay.'),
  ('payment.requires_payment', 'A payment needs another attempt.'),
  ('payment.requires_action', 'A payment waits for the guest, such as for a check by the bank.'),
  ('payment.processing', 'A bank decides on a payment.'),
  ('payment.authorised', 'Money is set aside for a payment and not taken yet.'),
  ('payment.captured', 'Money has been taken, or taken again after a refund has failed.'),
  ('payment.partially_refunded', 'Some of a payment has been given back.'),
  ('payment.refunded', 'All of a payment has been given back.'),
  ('payment.failed', 'A payment has failed for good.'),
  ('payment.cancelled', 'A payment has ended before money was taken.'),
  ('payment.disputed', 'A guest''s bank disputes a payment.'),
  ('refund.created', 'Money is to be given back.'),
  ('refund.requested', 'A refund is asked for again.'),
  ('refund.pending', 'Stripe has taken up a refund.'),
  ('refund.succeeded', 'Money has been given back.'),
  ('refund.failed', 'A bank has refused a refund; the money is with the marketplace.'),
  ('review.created', 'Somebody has written a review.'),
  ('review.published', 'Everybody can read a review.')
on conflict (name) do update set description = excluded.description;
--! EndIncluded foundation/event_types.sql
--! Included foundation/events.sql
/*
 * The outbox: every change that others may want to know, written in the transaction of the change.
 * Mails read it, and whatever comes later: webhooks, subscriptions, caches.
 *
 * Numbers of an identity are drawn before the commit, so a lower one can become visible after a
 * higher one. A reader that goes by id would miss it. So an event gets its place in the order
 * (sequence) after its commit, by publish_events(), and readers go by that.
 *
 * The payload holds ids and nothing else: readers read the truth, and what is forgotten elsewhere
 * does not live on here.
 */
create table if not exists app_private.events (
  id bigint generated always as identity constraint events_pkey primary key,
  sequence bigint,
  type text not null constraint events_type_fkey references app_private.event_types on delete restrict,
  subject uuid not null,
  actor uuid,
  payload jsonb not null default '{}',
  transaction_id xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default app_hidden.clock(),

  constraint events_sequence_key unique (sequence),
  constraint events_payload_is_an_object check (jsonb_typeof(payload) = 'object')
);

alter table app_private.events enable row level security;
alter table app_private.events force row level security;

-- publish_events() numbers what has no place yet, and append_event() looks there for a repetition.
create index if not exists events_unpublished_idx on app_private.events (subject, type, id)
  where sequence is null;
-- Some readers want one type only.
create index if not exists events_type_idx on app_private.events (type, sequence);

comment on table app_private.events is 'What happened, for those who want to know.';
comment on column app_private.events.id is 'Order of writing; of one subject, also the order in which it happened.';
comment on column app_private.events.sequence is 'Place in the order that readers follow, without gaps; null until it is published.';
comment on column app_private.events.type is 'What happened.';
comment on column app_private.events.subject is 'To whom or what: the id of a person, listing, booking, payment, refund or review.';
comment on column app_private.events.actor is 'Who was signed in; null for the system.';
comment on column app_private.events.payload is 'Ids of what else is concerned.';
comment on column app_private.events.transaction_id is 'What has the same one happened together.';
comment on column app_private.events.created_at is 'When it happened.';

select app_hidden.drop_policies('app_private.events');
--! EndIncluded foundation/events.sql
--! Included foundation/event_readers.sql
-- How far each reader of the outbox has come. Set a number back to have events read again.
create table if not exists app_private.event_readers (
  name text constraint event_readers_pkey primary key,
  last_sequence bigint not null default 0
);

alter table app_private.event_readers enable row level security;
alter table app_private.event_readers force row level security;

comment on table app_private.event_readers is 'Who reads the outbox, and how far they have come.';
comment on column app_private.event_readers.last_sequence is 'The last event that was read.';

select app_hidden.drop_policies('app_private.event_readers');
--! EndIncluded foundation/event_readers.sql
--! Included foundation/append_event.sql
/*
 * Writes an event in the transaction of its cause. The same type and subject in one transaction are
 * one event: an edit that writes twenty rows is one edit. The first event of a transaction also
 * queues the job that publishes; a setting that ends with the transaction, and with a savepoint that
 * is rolled back, remembers that.
 */
create or replace function app_hidden.append_event(type text, subject uuid, payload jsonb default '{}')
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_private.events e
    where e.subject = append_event.subject and e.type = append_event.type and e.sequence is null
      and e.transaction_id = pg_current_xact_id()
  ) then
    return;
  end if;
  insert into app_private.events (type, subject, actor, payload)
  values (
    append_event.type, append_event.subject, app_public.current_user_id(), append_event.payload
  );
  if current_setting('staybase.publishes_events', true) is distinct from 'yes' then
    perform set_config('staybase.publishes_events', 'yes', true);
    perform app_hidden.add_job('event__publish', '{}');
  end if;
end
$$;

comment on function app_hidden.append_event(text, uuid, jsonb) is
  'Writes an event into the outbox, once a transaction for each type and subject.';
--! EndIncluded foundation/append_event.sql
--! Included foundation/tg__append_event.sql
/*
 * Appends an event for a row that changes. The arguments of the trigger are the type, the column of
 * the subject, and the columns of the payload. "{status}" in the type stands for the row's status.
 */
create or replace function app_hidden.tg__append_event() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb := case TG_OP when 'DELETE' then to_jsonb(OLD) else to_jsonb(NEW) end;
begin
  perform app_hidden.append_event(
    replace(TG_ARGV[0], '{status}', coalesce(v_row ->> 'status', '')),
    (v_row ->> TG_ARGV[1])::uuid,
    (
      -- listing_id becomes listingId.
      select coalesce(jsonb_object_agg(
        left(name, 1) || substr(replace(initcap(replace(name, '_', ' ')), ' ', ''), 2), v_row -> name
      ), '{}')
      from unnest(TG_ARGV[2:]) name
    )
  );
  return null;
end
$$;

comment on function app_hidden.tg__append_event() is 'Appends an event about a row that has changed.';
--! EndIncluded foundation/tg__append_event.sql
--! Included foundation/publish_events.sql
/*
 * Gives committed events their place in the order that readers follow. One publisher works at a
 * time: the next one sees what it has numbered. An event that commits later gets a later place,
 * however low its id. Returns how many were published; call it until that is 0.
 */
create or replace function app_private.publish_events(event_limit integer default 10000) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last bigint;
  v_published integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('publish_events', 0));
  select coalesce(max(e.sequence), 0) into v_last from app_private.events e;
  update app_private.events e
  set sequence = v_last + fresh.place
  from (
    select f.id, row_number() over (order by f.id) as place
    from app_private.events f
    where f.sequence is null
    order by f.id
    limit publish_events.event_limit
  ) fresh
  where e.id = fresh.id;
  get diagnostics v_published = row_count;
  return v_published;
end
$$;

grant execute on function app_private.publish_events(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.publish_events(integer) is
  'Puts committed events in the order in which they are read; says how many.';
--! EndIncluded foundation/publish_events.sql
--! Included foundation/read_events.sql
/*
 * The next events of a reader, in order. The reader's place moves in the same transaction as what is
 * done about the events: what is rolled back is read again. Two at once read one after the other. A
 * reader that is new begins with the oldest event there is.
 */
create or replace function app_hidden.read_events(reader text, event_limit integer default 500)
returns setof app_private.events
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last bigint;
begin
  insert into app_private.event_readers (name) values (read_events.reader)
  on conflict on constraint event_readers_pkey do nothing;
  select r.last_sequence into v_last from app_private.event_readers r
  where r.name = read_events.reader
  for update;
  return query
  with batch as (
    select e.* from app_private.events e
    where e.sequence > v_last
    order by e.sequence
    limit read_events.event_limit
  ), moved as (
    update app_private.event_readers r set last_sequence = (select max(b.sequence) from batch b)
    where r.name = read_events.reader and exists (select from batch)
  )
  select b.* from batch b order by b.sequence;
end
$$;

comment on function app_hidden.read_events(text, integer) is
  'The events that a reader has not seen yet, in order; they count as read once this commits.';
--! EndIncluded foundation/read_events.sql
--! Included foundation/purge_events.sql
/*
 * Forgets events after ninety days, where every reader has read them. The last event stays, for the
 * next one is numbered after it. Returns how many there were; call it until that is 0.
 */
create or replace function app_private.purge_events() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_private.events e
  where e.id = any (array(
    select old.id from app_private.events old
    where old.sequence <= (select min(r.last_sequence) from app_private.event_readers r)
      and old.sequence < (select max(l.sequence) from app_private.events l)
      and old.created_at < app_hidden.clock() - interval '90 days'
    order by old.sequence
    limit 10000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_events() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_events() is
  'Removes events of more than ninety days that all have read, 10,000 at most; says how many.';
--! EndIncluded foundation/purge_events.sql
--! Included identity/tables/users.sql
/*
 * What everybody may know of a person. What only they may know is in user_contacts, what nobody may
 * read is in app_private.user_secrets: a column that some readers may not see lives in another
 * table.
 */
create table if not exists app_public.users (
  id uuid not null default uuidv7() constraint users_pkey primary key,
  display_name text not null,
  avatar_url app_public.web_url,
  bio text not null default '',
  languages text[] not null default '{}',
  host_since timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint users_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> ''),
  constraint users_bio_is_bounded check (length(bio) <= 5000),
  constraint users_languages_are_bounded check (
    case when array_ndims(languages) > 1 then false
      else cardinality(languages) <= 20 and array_position(languages, null) is null
        and length(array_to_string(languages, ' ')) <= 700
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
comment on column app_public.users.host_since is 'When the person created their first listing; null for guests.';
comment on column app_public.users.created_at is 'Member since.';
comment on column app_public.users.updated_at is 'When the profile last changed.';
--! EndIncluded identity/tables/users.sql
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
  title text not null,
  description text not null default '',
  house_rules text,
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
  region text,
  city text,
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
  constraint listings_rooms_are_plausible
    check (bedrooms between 0 and 50 and beds between 0 and 100 and bathrooms between 0 and 50),
  constraint listings_unit_count_fits check (unit_count between 1 and 100),
  constraint listings_nights_are_ordered
    check (min_nights >= 1 and max_nights between min_nights and 730),
  constraint listings_advance_notice_fits check (advance_notice_hours between 0 and 336),
  constraint listings_booking_window_fits check (booking_window_days between 1 and 730),
  constraint listings_preparation_days_fit check (preparation_days between 0 and 14),
  constraint listings_time_zone_is_known check (app_hidden.is_time_zone(time_zone)),
  constraint listings_country_code_is_iso_3166 check (country_code ~ '^[A-Z]{2}$'),
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
comment on column app_public.listings.bathrooms is 'Number of bathrooms; .5 is a toilet without a bath.';
comment on column app_public.listings.unit_count is 'How many identical units can be booked side by side.';
comment on column app_public.listings.booking_mode is 'Whether a guest books at once or asks first.';
comment on column app_public.listings.cancellation_policy is 'What a guest gets back who cancels.';
comment on column app_public.listings.check_in_from is 'Local time from which guests may arrive.';
comment on column app_public.listings.check_out_until is 'Local time by which guests must have left.';
comment on column app_public.listings.min_nights is 'The shortest stay.';
comment on column app_public.listings.max_nights is 'The longest stay.';
comment on column app_public.listings.advance_notice_hours is 'Hours between booking and the earliest check-in.';
comment on column app_public.listings.booking_window_days is 'How many days ahead a stay may begin.';
comment on column app_public.listings.preparation_days is 'Nights kept free after each stay.';
comment on column app_public.listings.time_zone is 'IANA zone whose local dates the stays are in.';
comment on column app_public.listings.country_code is 'ISO 3166-1 alpha-2 code of the country.';
comment on column app_public.listings.region is 'State, province or the like.';
comment on column app_public.listings.city is 'City or village.';
comment on column app_public.listings.public_longitude is 'Degrees east, moved some 200 m from the true place.';
comment on column app_public.listings.public_latitude is 'Degrees north, moved some 200 m from the true place.';
comment on column app_public.listings.review_count is 'How many reviews of the listing are published.';
comment on column app_public.listings.review_rating_sum is 'Sum of the overall ratings (1 to 5) of those reviews.';
comment on column app_public.listings.published_at is 'When it was first published.';
comment on column app_public.listings.created_at is 'When the draft was begun.';
comment on column app_public.listings.updated_at is 'When it last changed.';
--! EndIncluded listings/tables/listings.sql
--! Included listings/tables/listing_photos.sql
create table if not exists app_public.listing_photos (
  id uuid not null default uuidv7() constraint listing_photos_pkey primary key,
  listing_id uuid not null
    constraint listing_photos_listing_id_fkey references app_public.listings on delete cascade,
  url app_public.web_url not null,
  caption text not null default '',
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
comment on column app_public.listing_photos.position is 'Photos are shown by rising position; the first is the cover.';
comment on column app_public.listing_photos.created_at is 'When it was added.';
--! EndIncluded listings/tables/listing_photos.sql
--! Included listings/tables/listing_amenities.sql
create table if not exists app_public.listing_amenities (
  listing_id uuid not null
    constraint listing_amenities_listing_id_fkey references app_public.listings on delete cascade,
  amenity_code text not null
    constraint listing_amenities_amenity_code_fkey references app_public.amenities on delete restrict,

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
comment on column app_public.listing_rates.nightly_amount is 'Base rate of a night, in minor units.';
comment on column app_public.listing_rates.weekend_nightly_amount is
  'Rate of Friday and Saturday nights, in minor units; null where it is the base rate.';
comment on column app_public.listing_rates.cleaning_fee_amount is 'Cleaning fee of a stay, in minor units.';
comment on column app_public.listing_rates.extra_guest_fee_amount is
  'Fee for each night and each guest beyond those included, in minor units.';
comment on column app_public.listing_rates.guests_included is 'How many guests the nightly rate covers.';
comment on column app_public.listing_rates.has_dated_rates is 'Whether some dates have a rate of their own.';
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
  constraint dated_rates_nightly_amount_is_positive check (nightly_amount between 1 and 100000000000)
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
comment on column app_public.dated_rates.nightly_amount is 'Rate of each of these nights, in minor units.';
--! EndIncluded pricing/tables/dated_rates.sql
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
  idempotency_key text not null,
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
comment on column app_public.bookings.unit_number is 'Which of the listing''s identical units, from 1.';
comment on column app_public.bookings.host_id is 'Who offers the stay.';
comment on column app_public.bookings.guest_id is 'Who stays.';
comment on column app_public.bookings.quote_id is 'The quote that was booked, with the line items.';
comment on column app_public.bookings.idempotency_key is 'The key the guest''s client chose for this booking.';
comment on column app_public.bookings.status is 'Where the booking is.';
comment on column app_public.bookings.status_actor is 'Who brought it there.';
comment on column app_public.bookings.status_reason is 'Why it is there, where somebody said.';
comment on column app_public.bookings.check_in is 'First night, local date.';
comment on column app_public.bookings.check_out is 'Day of leaving, local date.';
comment on column app_public.bookings.guests is 'How many people stay.';
comment on column app_public.bookings.currency is 'ISO 4217 currency.';
comment on column app_public.bookings.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.bookings.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.bookings.platform_amount is 'What the platform earns of it, in minor units.';
comment on column app_public.bookings.cancellation_policy is 'The policy the stay was sold under.';
comment on column app_public.bookings.time_zone is 'IANA zone of the dates.';
comment on column app_public.bookings.hold_expires_at is 'Until when the nights are held for payment.';
comment on column app_public.bookings.confirmed_at is 'When it was confirmed.';
comment on column app_public.bookings.created_at is 'When it was made.';
comment on column app_public.bookings.updated_at is 'When it last changed.';
--! EndIncluded bookings/tables/bookings.sql
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
comment on column app_public.payments.stripe_charge_id is 'Stripe''s id of the charge that took the money.';
comment on column app_public.payments.failure_code is 'Why the last attempt failed, in Stripe''s words, such as card_declined.';
comment on column app_public.payments.created_at is 'When it was begun.';
comment on column app_public.payments.updated_at is 'When it last changed.';
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
  comment text not null,
  published_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),

  -- One review a booking and direction.
  constraint reviews_booking_id_key unique (booking_id, direction),
  constraint reviews_rating_fits check (rating between 1 and 5),
  constraint reviews_category_ratings_fit check (
    cleanliness_rating between 1 and 5 and accuracy_rating between 1 and 5
    and check_in_rating between 1 and 5 and communication_rating between 1 and 5
    and location_rating between 1 and 5 and value_rating between 1 and 5
  ),
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
  execute function app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

create or replace trigger _620_published
  after update of published_at on app_public.reviews
  for each row when (OLD.published_at is null and NEW.published_at is not null)
  execute function app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

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
--! EndIncluded reviews/tables/reviews.sql

-- Mails of before have no event; the booking.confirmed of their bookings will not come again.
alter table app_private.mails
  add column event_id bigint
    constraint mails_event_id_fkey references app_private.events on delete set null,
  drop constraint mails_occasion_key,
  add constraint mails_occasion_key unique (event_id, user_id);
drop function app_hidden.queue_mail(text, uuid, uuid);
--! Included notifications/tables/mails.sql
/*
 * Mail that is owed, one row for each event and person. The row and the job that sends it are
 * written together; the job marks it. Its id makes the Message-ID, so that a mail sent twice by a
 * crash is one mail to the reader. Mails of the first release, which had no events, have none.
 */
create table if not exists app_private.mails (
  id uuid not null default uuidv7() constraint mails_pkey primary key,
  kind text not null,
  user_id uuid not null
    constraint mails_user_id_fkey references app_public.users on delete cascade,
  booking_id uuid not null
    constraint mails_booking_id_fkey references app_public.bookings on delete cascade,
  created_at timestamptz not null default app_hidden.clock(),
  sent_at timestamptz,
  event_id bigint
    constraint mails_event_id_fkey references app_private.events on delete set null,

  -- However often an event is read, a person is told once.
  constraint mails_occasion_key unique (event_id, user_id),
  constraint mails_kind_is_known check (
    kind in ('booking_confirmed_guest', 'booking_confirmed_host', 'late_payment_refunded')
  )
);

alter table app_private.mails enable row level security;
alter table app_private.mails force row level security;

create index if not exists mails_user_id_idx on app_private.mails (user_id);
create index if not exists mails_booking_id_idx on app_private.mails (booking_id);

comment on table app_private.mails is 'Mail that is owed or was sent, one a person and occasion.';
--! EndIncluded notifications/tables/mails.sql
--! Included notifications/internal/queue_mail.sql
create or replace function app_hidden.queue_mail(
  event_id bigint, kind text, user_id uuid, booking_id uuid
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mail_id uuid;
begin
  insert into app_private.mails (event_id, kind, user_id, booking_id)
  values (queue_mail.event_id, queue_mail.kind, queue_mail.user_id, queue_mail.booking_id)
  on conflict on constraint mails_occasion_key do nothing
  returning id into v_mail_id;
  if v_mail_id is not null then
    perform app_hidden.add_job(
      'mail__send', jsonb_build_object('mailId', v_mail_id), 'mail:' || v_mail_id
    );
  end if;
end
$$;

comment on function app_hidden.queue_mail(bigint, text, uuid, uuid) is
  'Owes a person a mail about an event, once.';
--! EndIncluded notifications/internal/queue_mail.sql
--! Included notifications/internal/mails_of_event.sql
/*
 * Who is told of an event by mail, and with which mail: the whole list.
 */
create or replace function app_hidden.mails_of_event(type text, subject uuid)
returns table (kind text, user_id uuid, booking_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_confirmed_guest', b.guest_id),
    ('booking_confirmed_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.confirmed' and b.id = mails_of_event.subject
  union all
  -- So far, money is given back only where it came too late.
  select 'late_payment_refunded', b.guest_id, b.id
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  join app_public.bookings b on b.id = p.booking_id
  where mails_of_event.type = 'refund.succeeded' and r.id = mails_of_event.subject
$$;

comment on function app_hidden.mails_of_event(text, uuid) is 'The mails that an event asks for.';
--! EndIncluded notifications/internal/mails_of_event.sql
--! Included notifications/server/queue_mails.sql
/*
 * Reads the outbox and owes the mails that its events ask for. Each event has a savepoint of its
 * own: one that fails is reported as a warning and passed over, and the others go on. To read it
 * again, set the reader's last_sequence back: whoever was told already is not told again. Returns
 * how many events were read; call it until that is 0.
 */
create or replace function app_private.queue_mails() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event app_private.events;
  v_read integer := 0;
begin
  for v_event in select * from app_hidden.read_events('mails') loop
    v_read := v_read + 1;
    begin
      perform app_hidden.queue_mail(v_event.id, m.kind, m.user_id, m.booking_id)
      from app_hidden.mails_of_event(v_event.type, v_event.subject) m;
    exception
      when others then
        raise warning 'The mails of event % were not queued: %.', v_event.sequence, sqlstate;
    end;
  end loop;
  return v_read;
end
$$;

grant execute on function app_private.queue_mails() to :DATABASE_AUTHENTICATOR;

comment on function app_private.queue_mails() is
  'Owes the mails that new events ask for; says how many events were read.';
--! EndIncluded notifications/server/queue_mails.sql
--! Included checkout/internal/record_capture.sql
/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform; one that came too late is kept
 * apart in guest_payable until it has gone back.
 */
create or replace function app_hidden.record_capture(
  payment app_public.payments,
  booking app_public.bookings,
  received_amount bigint,
  charge_id text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_sold boolean;
  v_refund_id uuid;
begin
  if record_capture.received_amount is distinct from payment.amount
    or record_capture.charge_id is null
  then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = record_capture.received_amount,
      stripe_charge_id = record_capture.charge_id, failure_code = null
  where p.id = payment.id;

  v_sold := app_hidden.confirm_booking(booking);
  perform app_hidden.post_ledger(
    'charge:' || record_capture.charge_id,
    case when v_sold then 'charge' else 'late_charge' end,
    booking.id,
    case when v_sold
      then array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('host_payable', booking.host_id, payment.currency, -booking.host_amount),
        row('platform_revenue', null, payment.currency, -booking.platform_amount)
      ]::app_hidden.ledger_posting[]
      else array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('guest_payable', null, payment.currency, -payment.amount)
      ]::app_hidden.ledger_posting[]
    end
  );

  if v_sold then
    return 'confirmed';
  end if;

  insert into app_public.refunds (payment_id, reason, currency, amount)
  values (payment.id, 'The payment came after the hold had expired.', payment.currency, payment.amount)
  returning id into v_refund_id;
  perform app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', v_refund_id), 'refund:' || v_refund_id,
    max_attempts => 25
  );
  return 'refunding';
end
$$;

comment on function app_hidden.record_capture(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
--! EndIncluded checkout/internal/record_capture.sql
--! Included checkout/server/apply_refund.sql
/*
 * Brings our refund to where Stripe's is, as re-fetched. A refund can fail after it had succeeded:
 * then the money is with us again and the ledger takes the entry back. Locks: booking, then
 * payment, then refund, then ledger accounts.
 */
create or replace function app_private.apply_refund(
  refund_id uuid, stripe_refund_id text, stripe_status text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_payment app_public.payments;
  v_booking app_public.bookings;
  v_old_status app_public.refund_status;
  v_new_status app_public.refund_status := case apply_refund.stripe_status
    when 'succeeded' then 'succeeded'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
    else 'pending'
  end;
  v_amount bigint;
begin
  select p.* into v_payment
  from app_public.refunds r join app_public.payments p on p.id = r.payment_id
  where r.id = apply_refund.refund_id;
  if v_payment.id is null then
    return 'unknown';
  end if;
  v_booking := app_hidden.lock_booking(v_payment.booking_id);
  v_payment := app_hidden.lock_payment(v_payment.id);
  v_refund := app_hidden.lock_refund(apply_refund.refund_id);
  v_old_status := v_refund.status;
  -- Only forward: requested, pending, succeeded, failed.
  if v_new_status <= v_old_status then
    return 'unchanged';
  end if;

  update app_public.refunds r
  set status = v_new_status, stripe_refund_id = apply_refund.stripe_refund_id
  where r.id = v_refund.id;
  v_amount := case
    when v_new_status = 'succeeded' then v_refund.amount
    when v_new_status = 'failed' and v_old_status = 'succeeded' then -v_refund.amount
  end;
  if v_amount is null then
    return case v_new_status when 'failed' then 'failed' else 'noted' end;
  end if;

  update app_public.payments p
  set refunded_amount = p.refunded_amount + v_amount,
      status = case p.refunded_amount + v_amount
        when 0 then 'captured'
        when p.captured_amount then 'refunded'
        else 'partially_refunded'
      end::app_public.payment_status
  where p.id = v_payment.id;
  perform app_hidden.post_ledger(
    case when v_amount > 0 then 'refund:' else 'refund_failure:' end || apply_refund.stripe_refund_id,
    case when v_amount > 0 then 'refund' else 'refund_failure' end,
    v_booking.id,
    array[
      row('guest_payable', null, v_refund.currency, v_amount),
      row('stripe_balance', null, v_refund.currency, -v_amount)
    ]::app_hidden.ledger_posting[]
  );
  return v_new_status::text;
end
$$;

grant execute on function app_private.apply_refund(uuid, text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_refund(uuid, text, text) is
  'Brings a refund to where Stripe''s is; repeatable, in any order.';
--! EndIncluded checkout/server/apply_refund.sql
