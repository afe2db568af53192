--! Previous: sha1:0de99976028eefc3b99b7dcc85c40ff858782263
--! Hash: sha1:c265b12839954077760d97da9acad6603468d11f
--! Message: change sold stays

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +1 -1   payments/tables/refunds.sql
--   +1 -1   payments/policies/unknown_charges.sql
--   +6 -0   foundation/event_types.sql
--   +4 -0   listings/tables/listings.sql
--   new     listings/policies/listings.sql
--   +15 -4  calendar/tables/calendar_claims.sql
--   +6 -4   calendar/internal/claim_nights.sql
--   new     bookings/types/alteration_status.sql
--   new     bookings/tables/alterations.sql
--   new     bookings/policies/alterations.sql
--   +7 -1   bookings/triggers/tg_bookings__claim_matches.sql
--   +1 -1   bookings/triggers/tg_bookings__move_claim.sql
--   new     bookings/internal/expire_alterations.sql
--   new     bookings/internal/alteration_nights.sql
--   +4 -2   bookings/internal/expire_listing_holds.sql
--   new     bookings/triggers/tg_alterations__check_transition.sql
--   new     bookings/triggers/tg_bookings__end_alterations.sql
--   +5 -1   bookings/server/expire_holds.sql
--   new     bookings/server/end_alterations.sql
--   +3 -3   ledger/tables/ledger_transactions.sql
--   +1 -1   checkout/internal/set_hold_end.sql
--   new     checkout/internal/alteration_of.sql
--   new     checkout/internal/set_alteration_hold_end.sql
--   new     checkout/internal/expire_alteration.sql
--   new     checkout/internal/follow_unpaid_alteration.sql
--   +3 -1   checkout/internal/follow_unpaid.sql
--   new     checkout/internal/cancel_alteration_intent.sql
--   new     checkout/triggers/tg_alterations__cancel_intent.sql
--   new     checkout/internal/payment_due.sql
--   +21 -12 checkout/server/begin_payment.sql
--   +6 -1   checkout/server/attach_payment_intent.sql
--   new     checkout/internal/end_alteration_hold.sql
--   +4 -0   checkout/server/end_hold.sql
--   new     checkout/internal/refund_alteration.sql
--   new     checkout/internal/apply_alteration.sql
--   new     checkout/internal/sell_paid.sql
--   +6 -1   checkout/internal/record_capture.sql
--   new     checkout/internal/require_alterable.sql
--   new     checkout/internal/quote_alteration.sql
--   new     checkout/internal/host_lets_alter.sql
--   new     checkout/internal/settle_alteration.sql
--   new     checkout/internal/require_alterations_booking.sql
--   new     checkout/internal/require_open_alteration.sql
--   new     checkout/mutations/propose_alteration.sql
--   new     checkout/mutations/accept_alteration.sql
--   new     checkout/mutations/end_alteration.sql
--   +2 -1   notifications/tables/mails.sql
--   +20 -0  notifications/internal/mails_of_event.sql
--   +6 -2   notifications/server/mail_to_send.sql
-- (npm run db:commit wrote these lines.)

alter table app_public.refunds drop constraint if exists refunds_resolution_is_bounded;
alter table app_public.refunds alter column resolution type text;
alter table app_public.refunds
  add constraint refunds_resolution_is_bounded check (length(resolution) <= 1000);
--! Included payments/tables/refunds.sql
/*
 * Money that a guest is owed or was given back. What was decided stands; a refund that fails stays
 * open until another takes its place or the operator has settled it otherwise.
 */
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
  reason_code app_public.refund_reason not null,
  origin app_public.refund_origin not null default 'ours',
  actor app_public.booking_actor not null default 'system',
  actor_id uuid constraint refunds_actor_id_fkey references app_public.users on delete set null,
  replaces_id uuid
    constraint refunds_replaces_id_fkey references app_public.refunds on delete restrict,
  resolved_at timestamptz,
  needs_attention boolean not null generated always as (
    status = 'failed' and origin = 'ours' and resolved_at is null
  ) stored,
  failure_code text,
  resolution text,
  resolver_id uuid
    constraint refunds_resolver_id_fkey references app_public.users on delete set null,

  constraint refunds_replaces_id_key unique (replaces_id),
  constraint refunds_resolution_is_bounded check (length(resolution) <= 1000),
  constraint refunds_resolved_has_failed check (resolved_at is null or status = 'failed'),
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
create index if not exists refunds_resolver_id_idx on app_public.refunds (resolver_id);
create index if not exists refunds_actor_id_idx on app_public.refunds (actor_id);
-- What the operator has to look at.
create index if not exists refunds_needing_attention_idx on app_public.refunds (id)
  where needs_attention;

create or replace trigger _100_touch
  before update on app_public.refunds
  for each row execute function app_hidden.tg__touch();

-- What was decided stands; what changes is how far it has come.
create or replace trigger _110_immutable
  before update of id, payment_id, currency, amount, reason_code, origin, actor, replaces_id
  on app_public.refunds
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _120_kept
  before delete on app_public.refunds
  for each row execute function app_hidden.tg__immutable();

create or replace trigger _600_created
  after insert on app_public.refunds
  for each row execute function app_hidden.tg__append_event('refund.created', 'id', 'payment_id');

create or replace trigger _600_status
  after update of status on app_public.refunds
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('refund.{status}', 'id', 'payment_id');

comment on table app_public.refunds is 'Money that a guest is given back.';
comment on column app_public.refunds.id is 'Public id of the refund.';
comment on column app_public.refunds.payment_id is 'The payment that is given back.';
comment on column app_public.refunds.status is 'Where the refund is.';
comment on column app_public.refunds.reason is 'Why it is given back.';
comment on column app_public.refunds.currency is 'ISO 4217 currency.';
comment on column app_public.refunds.amount is 'How much, in minor units.';
comment on column app_public.refunds.stripe_refund_id is 'Stripe''s id of the refund.';
comment on column app_public.refunds.reason_code is 'Why it is given back, as a code.';
comment on column app_public.refunds.origin is
  'Whether it is ours, or somebody made it at Stripe.';
comment on column app_public.refunds.actor is 'In which role somebody caused it.';
comment on column app_public.refunds.actor_id is 'Who caused it; null for the system.';
comment on column app_public.refunds.replaces_id is 'The refund that failed and that this repeats.';
comment on column app_public.refunds.resolved_at is
  'When another refund took the place of this one, which failed, or it was settled otherwise.';
comment on column app_public.refunds.needs_attention is
  'Whether it has failed and the guest is still owed the money.';
comment on column app_public.refunds.failure_code is
  'Why it failed, in Stripe''s words; superseded where another refund took its place before it was '
  'made.';
comment on column app_public.refunds.resolution is
  'How a refund that failed was settled otherwise.';
comment on column app_public.refunds.resolver_id is
  'Which operator repeated or settled a refund that failed.';
comment on column app_public.refunds.created_at is 'When it was decided.';
comment on column app_public.refunds.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint refunds_stripe_refund_id_key on app_public.refunds is
  'INTERNAL: A refund at Stripe is one of ours.';
comment on constraint refunds_amount_is_positive on app_public.refunds is
  'INTERNAL: A refund is more than zero.';
comment on constraint refunds_replaces_id_key on app_public.refunds is
  'INTERNAL: A refund that has failed is repeated once.';
comment on constraint refunds_resolution_is_bounded on app_public.refunds is
  'INVALID_INPUT: A note has at most 1000 characters.';
comment on constraint refunds_resolved_has_failed on app_public.refunds is
  'INTERNAL: Only a refund that has failed is settled otherwise.';
--! EndIncluded payments/tables/refunds.sql
--! Included payments/policies/unknown_charges.sql
select app_hidden.drop_policies('app_public.unknown_charges');

create policy select_operator on app_public.unknown_charges for select to :DATABASE_OPERATOR
  using (true);
-- No insert, update or delete: they follow Stripe.

grant select on app_public.unknown_charges to :DATABASE_VISITOR;
--! EndIncluded payments/policies/unknown_charges.sql
--! Included foundation/event_types.sql
/*
 * The names of all events, with one sentence each. A name is the noun and what has become of it;
 * the statuses of listings, bookings, payments and refunds are used as they are.
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
  ('listing.updated', 'What guests see of a listing has changed, such as a photo or a rate.'),
  ('listing.draft', 'A listing is a draft again.'),
  ('listing.pending_approval', 'A listing waits for the operator.'),
  ('listing.published', 'Everybody sees a listing.'),
  ('listing.paused', 'A host has taken a listing out of search for a while.'),
  ('listing.suspended', 'The operator has taken a listing out of search.'),
  ('listing.archived', 'A listing has ended.'),
  ('booking.created', 'A guest holds nights and has not paid yet.'),
  ('booking.pending_payment', 'A booking waits for payment again.'),
  ('booking.requested', 'The money for a booking is set aside, and its host is asked.'),
  ('booking.accepted', 'A host has accepted a booking, and its money is being taken.'),
  ('booking.confirmed', 'A stay is sold.'),
  ('booking.completed', 'A stay is over.'),
  ('booking.expired', 'A booking has ended because nobody paid or answered in time.'),
  ('booking.declined', 'A host has declined a booking.'),
  ('booking.cancelled', 'The guest, the host or the operator has cancelled a booking.'),
  ('alteration.proposed', 'One side proposes another stay in place of a sold one.'),
  ('alteration.accepted', 'A change of a stay is accepted and waits for its payment.'),
  ('alteration.applied', 'A stay has changed.'),
  ('alteration.declined', 'The other side has declined a change of a stay.'),
  ('alteration.withdrawn', 'A change of a stay was given up.'),
  ('alteration.expired', 'A change of a stay was not answered or paid in time.'),
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
alter table app_public.listings
  add column if not exists accepts_alterations boolean not null default false;
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
  accepts_alterations
) on app_public.listings to :DATABASE_VISITOR;
grant update (
  title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days,
  accepts_alterations
) on app_public.listings to :DATABASE_VISITOR;
--! EndIncluded listings/policies/listings.sql
alter table app_public.calendar_claims add column if not exists alteration_id uuid;
alter table app_public.calendar_claims
  drop constraint if exists calendar_claims_booking_id_key,
  drop constraint if exists calendar_claims_alteration_has_booking;
alter table app_public.calendar_claims add constraint calendar_claims_alteration_has_booking
  check (alteration_id is null or (kind = 'hold' and booking_id is not null));
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
drop function if exists app_hidden.claim_nights(
  uuid, daterange, app_public.claim_kind, uuid, smallint, text, timestamptz
);
--! Included calendar/internal/claim_nights.sql
/*
 * The one function that takes nights; every writer uses it. Returns the claim, or raises
 * DATES_UNAVAILABLE.
 *
 * Empty units are tried first, in order, so that stays pack. A unit on which only expired holds are
 * in the way comes next: a trigger of bookings ends those holds before the claim is written. Where
 * every unit is taken, the caller has read a few rows and written nothing.
 */
create or replace function app_hidden.claim_nights(
  listing_id uuid,
  nights daterange,
  kind app_public.claim_kind,
  booking_id uuid default null,
  unit_number smallint default null,
  note text default '',
  expires_at timestamptz default null,
  alteration_id uuid default null
) returns app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_unit_number smallint;
begin
  for v_unit_number in
    select u from app_hidden.free_units(
      claim_nights.listing_id, claim_nights.nights, claim_nights.unit_number
    ) u
  loop
    begin
      insert into app_public.calendar_claims
        (listing_id, unit_number, nights, kind, booking_id, note, expires_at, alteration_id)
      values (
        claim_nights.listing_id, v_unit_number, claim_nights.nights, claim_nights.kind,
        claim_nights.booking_id, claim_nights.note, claim_nights.expires_at,
        claim_nights.alteration_id
      )
      returning * into v_claim;
      return v_claim;
    exception
      -- Somebody was faster on this unit; the next one may still be free.
      when sqlstate 'SBC01' then null;
    end;
  end loop;
  raise exception 'These nights are taken.' using errcode = 'SBC01';
end
$$;

comment on function app_hidden.claim_nights(
  uuid, daterange, app_public.claim_kind, uuid, smallint, text, timestamptz, uuid
) is
  'Takes nights of the first unit that is free; DATES_UNAVAILABLE where none is.';
--! EndIncluded calendar/internal/claim_nights.sql
--! Included bookings/types/alteration_status.sql
do $$
begin
  create type app_public.alteration_status as enum (
    'proposed', 'accepted', 'applied', 'declined', 'withdrawn', 'expired'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.alteration_status is
  'Proposed waits for the other side; accepted waits for the guest to pay the difference; applied '
  'is done.';
--! EndIncluded bookings/types/alteration_status.sql
--! Included bookings/tables/alterations.sql
/*
 * A change of the dates or guests of a sold stay, with a quote of its own: what one side proposes
 * and the other accepts. The row keeps the stay and its amounts before and after.
 */
create table if not exists app_public.alterations (
  id uuid not null default uuidv7() constraint alterations_pkey primary key,
  booking_id uuid not null,
  sequence smallint not null,
  quote_id uuid not null
    constraint alterations_quote_id_fkey references app_public.quotes on delete restrict,
  proposed_by app_public.booking_actor not null,
  status app_public.alteration_status not null default 'proposed',
  status_actor app_public.booking_actor not null,
  reason app_public.prose not null default '',
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint alterations_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  old_check_in date not null,
  old_check_out date not null,
  old_guests smallint not null,
  old_total_amount bigint not null,
  old_host_amount bigint not null,
  old_platform_amount bigint not null,
  difference_amount bigint not null generated always as (total_amount - old_total_amount) stored,
  expires_at timestamptz not null,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint alterations_booking_fkey foreign key (booking_id, currency)
    references app_public.bookings (id, currency) on delete restrict,
  constraint alterations_sequence_key unique (booking_id, sequence),
  constraint alterations_quote_id_key unique (quote_id),
  constraint alterations_proposer_is_party check (proposed_by in ('guest', 'host')),
  constraint alterations_shares_sum check (host_amount + platform_amount = total_amount),
  constraint alterations_reason_is_bounded check (length(reason) <= 1000)
);

alter table app_public.alterations enable row level security;
alter table app_public.alterations force row level security;

-- One change of a booking is open at a time.
create unique index if not exists alterations_one_open_a_booking
  on app_public.alterations (booking_id) where status in ('proposed', 'accepted');
create index if not exists alterations_booking_idx
  on app_public.alterations (booking_id, currency);
create index if not exists alterations_currency_idx on app_public.alterations (currency);
-- end_alterations() walks those whose time is over.
create index if not exists alterations_open_idx on app_public.alterations (expires_at)
  where status in ('proposed', 'accepted');

create or replace trigger _100_touch
  before update on app_public.alterations
  for each row execute function app_hidden.tg__touch();
create or replace trigger _110_immutable
  before update of id, booking_id, sequence, quote_id, proposed_by, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, old_check_in, old_check_out, old_guests,
    old_total_amount, old_host_amount, old_platform_amount
  on app_public.alterations
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _120_kept
  before delete on app_public.alterations
  for each row execute function app_hidden.tg__immutable();

create or replace trigger _600_created
  after insert on app_public.alterations
  for each row execute function
    app_hidden.tg__append_event('alteration.{status}', 'id', 'booking_id');
create or replace trigger _600_status
  after update of status on app_public.alterations
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('alteration.{status}', 'id', 'booking_id');

-- Nights that an accepted change holds until its difference is paid, beside those of the stay.
do $$
begin
  alter table app_public.calendar_claims
    add constraint calendar_claims_alteration_id_fkey foreign key (alteration_id)
    references app_public.alterations (id) on delete restrict;
exception
  when duplicate_object then null;
end
$$;

comment on table app_public.alterations is
  'A change of the dates or guests of a booking, for its guest and its host.';
comment on column app_public.alterations.id is 'Public id of the alteration.';
comment on column app_public.alterations.booking_id is 'The booking that is changed.';
comment on column app_public.alterations.sequence is 'Which change of the booking it is, from 1.';
comment on column app_public.alterations.quote_id is
  'The price of the stay as it shall be, with its line items.';
comment on column app_public.alterations.proposed_by is 'Who proposed it: the guest or the host.';
comment on column app_public.alterations.status is 'Where it is.';
comment on column app_public.alterations.status_actor is 'Who brought it there.';
comment on column app_public.alterations.reason is 'What the side that ended it said.';
comment on column app_public.alterations.check_in is 'First night of the new stay, local date.';
comment on column app_public.alterations.check_out is 'Day of leaving, local date.';
comment on column app_public.alterations.guests is 'How many people shall stay.';
comment on column app_public.alterations.currency is 'ISO 4217 currency.';
comment on column app_public.alterations.total_amount is
  'What the new stay costs the guest, in minor units.';
comment on column app_public.alterations.host_amount is
  'What the host earns of the new stay, in minor units.';
comment on column app_public.alterations.platform_amount is
  'What the platform earns of the new stay, in minor units.';
comment on column app_public.alterations.old_check_in is 'First night before the change.';
comment on column app_public.alterations.old_check_out is 'Day of leaving before the change.';
comment on column app_public.alterations.old_guests is 'How many people were to stay before.';
comment on column app_public.alterations.old_total_amount is
  'What the stay cost before, in minor units.';
comment on column app_public.alterations.old_host_amount is
  'What the host earned before, in minor units.';
comment on column app_public.alterations.old_platform_amount is
  'What the platform earned before, in minor units.';
comment on column app_public.alterations.difference_amount is
  'What the guest pays more, in minor units; below zero, what goes back.';
comment on column app_public.alterations.expires_at is
  'Until when it can be accepted, or the difference paid.';
comment on column app_public.alterations.created_at is 'When it was proposed.';
comment on column app_public.alterations.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint alterations_sequence_key on app_public.alterations is
  'INTERNAL: The changes of a booking are counted.';
comment on constraint alterations_quote_id_key on app_public.alterations is
  'INTERNAL: A change has a quote of its own.';
comment on constraint alterations_proposer_is_party on app_public.alterations is
  'INTERNAL: A guest or a host proposes a change.';
comment on constraint alterations_shares_sum on app_public.alterations is
  'INTERNAL: The shares of a stay are its total.';
comment on constraint alterations_reason_is_bounded on app_public.alterations is
  'INVALID_INPUT: A reason has at most 1000 characters.';
--! EndIncluded bookings/tables/alterations.sql
--! Included bookings/policies/alterations.sql
select app_hidden.drop_policies('app_public.alterations');

-- Whoever sees the booking sees its changes.
create policy select_visible on app_public.alterations for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.alterations to :DATABASE_VISITOR;
--! EndIncluded bookings/policies/alterations.sql
--! Included bookings/triggers/tg_bookings__claim_matches.sql
/*
 * N2: what is sold has its nights, what is not has none. Checked at commit, whoever wrote. A claim
 * that changes hands is looked at from both sides: the booking that gets it, and the one that loses
 * it.
 */
create or replace function app_hidden.tg_bookings__claim_matches() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_ids uuid[];
begin
  if TG_TABLE_NAME = 'bookings' then
    v_booking_ids := array[NEW.id];
  else
    v_booking_ids := array[OLD.booking_id, NEW.booking_id];
  end if;
  if exists (
    select from app_public.bookings b
    left join app_public.calendar_claims c on c.booking_id = b.id and c.alteration_id is null
    where b.id = any (v_booking_ids)
      and (
        c.kind is distinct from (case
          when b.status in ('pending_payment', 'requested', 'accepted') then 'hold'
          when b.status in ('confirmed', 'completed') then 'booking'
        end)::app_public.claim_kind
        or c.listing_id <> b.listing_id
        or c.unit_number <> b.unit_number
        or not c.nights @> daterange(b.check_in, b.check_out)
      )
  ) or exists (
    -- What a change holds it holds while it waits for its payment, and no longer.
    select from app_public.calendar_claims c
    join app_public.alterations a on a.id = c.alteration_id
    where c.booking_id = any (v_booking_ids)
      and (a.status <> 'accepted' or a.booking_id <> c.booking_id)
  ) then
    raise exception 'Booking and calendar disagree.' using errcode = 'SBB09';
  end if;
  return null;
end
$$;

drop trigger if exists _900_claim_matches on app_public.bookings;
create constraint trigger _900_claim_matches
  after insert or update on app_public.bookings
  deferrable initially deferred
  for each row execute function app_hidden.tg_bookings__claim_matches();

drop trigger if exists _900_claim_matches on app_public.calendar_claims;
create constraint trigger _900_claim_matches
  after insert or update or delete on app_public.calendar_claims
  deferrable initially deferred
  for each row execute function app_hidden.tg_bookings__claim_matches();

comment on function app_hidden.tg_bookings__claim_matches() is
  'Refuses to commit a booking without its claim, or a claim without its booking.';
--! EndIncluded bookings/triggers/tg_bookings__claim_matches.sql
--! Included bookings/triggers/tg_bookings__move_claim.sql
/*
 * The nights follow the booking: what is confirmed keeps them for good, what ends frees them.
 * Whoever changes the status has locked the units of the listing before the booking.
 */
create or replace function app_hidden.tg_bookings__move_claim() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if NEW.status = 'confirmed' then
    update app_public.calendar_claims c set kind = 'booking', expires_at = null
    where c.booking_id = NEW.id and c.alteration_id is null;
  elsif NEW.status in ('expired', 'declined', 'cancelled') then
    delete from app_public.calendar_claims c where c.booking_id = NEW.id;
  end if;
  return null;
end
$$;

create or replace trigger _400_move_claim
  after update of status on app_public.bookings
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg_bookings__move_claim();

comment on function app_hidden.tg_bookings__move_claim() is
  'Keeps or frees the nights of a booking when its status changes.';
--! EndIncluded bookings/triggers/tg_bookings__move_claim.sql
--! Included bookings/internal/expire_alterations.sql
/*
 * Ends the accepted changes of a listing's stays whose difference was not paid in time, and frees
 * what they held. One whose payment is being processed has a day more. Returns how many. The caller
 * holds the locks on the units.
 */
create or replace function app_hidden.expire_alterations(
  listing_id uuid, unit_number smallint, nights daterange
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended integer;
begin
  with over as (
    update app_public.alterations a
    set status = 'expired', status_actor = 'system',
        reason = 'The difference was not paid in time.'
    from app_public.calendar_claims c
    where c.alteration_id = a.id and a.status = 'accepted'
      and c.listing_id = expire_alterations.listing_id
      and coalesce(c.expires_at, a.expires_at + interval '1 day') <= app_hidden.clock()
      and c.unit_number = coalesce(expire_alterations.unit_number, c.unit_number)
      and (expire_alterations.nights is null or c.nights && expire_alterations.nights)
    returning a.id
  )
  select count(distinct o.id) into v_ended from over o;
  delete from app_public.calendar_claims c
  using app_public.alterations a
  where c.alteration_id = a.id and c.listing_id = expire_alterations.listing_id
    and a.status = 'expired';
  return v_ended;
end
$$;

comment on function app_hidden.expire_alterations(uuid, smallint, daterange) is
  'Ends changes of stays that nobody paid in time, and frees what they held; says how many.';
--! EndIncluded bookings/internal/expire_alterations.sql
--! Included bookings/internal/alteration_nights.sql
/*
 * What a changed stay would have to take beside what it has: the missing nights on its own unit, or
 * all of them on another one; nothing where its own are enough. Raises DATES_UNAVAILABLE where no
 * unit can take the stay. The caller holds the locks on the units.
 */
create or replace function app_hidden.alteration_nights(
  booking app_public.bookings, check_in date, check_out date
) returns table (unit_number smallint, nights daterange)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_window daterange := app_hidden.claim_window(
    alteration_nights.check_in, alteration_nights.check_out,
    (select l.preparation_days from app_public.listings l where l.id = booking.listing_id)
  );
  v_missing datemultirange := datemultirange(v_window) - (
    select datemultirange(c.nights) from app_public.calendar_claims c
    where c.booking_id = booking.id and c.alteration_id is null
  );
  v_other smallint;
begin
  if not exists (
    select from unnest(v_missing) piece
    where not exists (
      select from app_hidden.free_units(booking.listing_id, piece, booking.unit_number)
    )
  ) then
    return query select booking.unit_number, piece from unnest(v_missing) piece;
    return;
  end if;
  select u into v_other from app_hidden.free_units(booking.listing_id, v_window) u limit 1;
  if v_other is null then
    raise exception 'These nights are taken.' using errcode = 'SBC01', column = 'check_in';
  end if;
  return query select v_other, v_window;
end
$$;

comment on function app_hidden.alteration_nights(app_public.bookings, date, date) is
  'What a changed stay has to take beside what it has; DATES_UNAVAILABLE where no unit can.';
--! EndIncluded bookings/internal/alteration_nights.sql
--! Included bookings/internal/expire_listing_holds.sql
/*
 * Expires the bookings of one listing whose holds are past their time, on one unit or all, within
 * the given nights or anywhere: those that nobody paid, and requests that nobody answered. Their
 * claims go with them. Returns how many. A hold whose payment is being processed has no expires_at:
 * the bank has a day after the guest's time, and what comes later is late money.
 *
 * Locks: the units of the listing, then the bookings.
 */
create or replace function app_hidden.expire_listing_holds(
  listing_id uuid, unit_number smallint default null, nights daterange default null
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_expired integer;
begin
  -- Mostly there is none: then nothing is locked.
  if not exists (
    select from app_public.calendar_claims c
    where c.listing_id = expire_listing_holds.listing_id
      and (c.expires_at <= app_hidden.clock() or (c.kind = 'hold' and c.expires_at is null))
      and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
      and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights)
  ) then
    return 0;
  end if;

  perform app_hidden.lock_units(expire_listing_holds.listing_id);

  update app_public.bookings b
  set status = 'expired', status_actor = 'system',
      status_reason = case b.status
        when 'requested' then 'The host did not answer in time.'
        when 'accepted' then 'It took too long to take the money.'
        else 'The hold ended before payment.'
      end
  from app_public.calendar_claims c
  where c.booking_id = b.id and c.alteration_id is null
    and c.listing_id = expire_listing_holds.listing_id
    and c.kind = 'hold'
    and coalesce(c.expires_at, b.hold_expires_at + interval '1 day') <= app_hidden.clock()
    and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
    and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights);
  get diagnostics v_expired = row_count;
  return v_expired + app_hidden.expire_alterations(
    expire_listing_holds.listing_id, expire_listing_holds.unit_number, expire_listing_holds.nights
  );
end
$$;

comment on function app_hidden.expire_listing_holds(uuid, smallint, daterange) is
  'Expires bookings of a listing whose hold is over, and frees their nights; says how many.';
--! EndIncluded bookings/internal/expire_listing_holds.sql
--! Included bookings/triggers/tg_alterations__check_transition.sql
/*
 * A change of a stay goes one way: what was declined, withdrawn, applied or is past its time stays
 * so, whoever writes.
 */
create or replace function app_hidden.tg_alterations__check_transition() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not (
    (OLD.status = 'proposed' and NEW.status <> 'proposed')
    or (OLD.status = 'accepted' and NEW.status in ('applied', 'withdrawn', 'expired'))
  ) then
    raise exception 'A change that is % cannot become %.', OLD.status, NEW.status
      using errcode = 'SBB11';
  end if;
  return NEW;
end
$$;

create or replace trigger _200_check_transition
  before update of status on app_public.alterations
  for each row execute function app_hidden.tg_alterations__check_transition();

comment on function app_hidden.tg_alterations__check_transition() is
  'Refuses changes of status that a change of a stay does not make.';
--! EndIncluded bookings/triggers/tg_alterations__check_transition.sql
--! Included bookings/triggers/tg_bookings__end_alterations.sql
create or replace function app_hidden.tg_bookings__end_alterations() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.alterations a
  set status = 'expired', status_actor = 'system', reason = 'The stay has ended.'
  where a.booking_id = NEW.id and a.status in ('proposed', 'accepted');
  delete from app_public.calendar_claims c
  where c.booking_id = NEW.id and c.alteration_id is not null;
  return null;
end
$$;

create or replace trigger _450_end_alterations
  after update of status on app_public.bookings
  for each row when (NEW.status in ('cancelled', 'completed'))
  execute function app_hidden.tg_bookings__end_alterations();

comment on function app_hidden.tg_bookings__end_alterations() is
  'Ends the open change of a stay that has ended.';
--! EndIncluded bookings/triggers/tg_bookings__end_alterations.sql
--! Included bookings/server/expire_holds.sql
/*
 * The job that expires holds on listings that nobody asks for: some listings a call, in the order
 * of their ids, so that two of these cannot deadlock. Each listing has a savepoint of its own: one
 * that fails is reported as a warning and left, and the others go on. Returns how many bookings
 * expired; call it until that is 0.
 */
create or replace function app_private.expire_holds(listing_limit integer default 50)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_of_listing integer;
  v_expired integer := 0;
begin
  for v_listing_id in
    select l.listing_id from (
      select c.listing_id from app_public.calendar_claims c
      where c.expires_at <= app_hidden.clock()
      union
      -- The bank has had a day to decide.
      select c.listing_id from app_public.calendar_claims c
      join app_public.bookings b on b.id = c.booking_id
      where c.kind = 'hold' and c.expires_at is null and c.alteration_id is null
        and b.hold_expires_at <= app_hidden.clock() - interval '1 day'
      union
      select c.listing_id from app_public.calendar_claims c
      join app_public.alterations a on a.id = c.alteration_id
      where c.expires_at is null and a.expires_at <= app_hidden.clock() - interval '1 day'
      limit expire_holds.listing_limit
    ) l
    order by l.listing_id
  loop
    begin
      v_of_listing := app_hidden.expire_listing_holds(v_listing_id);
      -- What is checked at commit is checked here, or it would end the whole batch.
      set constraints all immediate;
      v_expired := v_expired + v_of_listing;
    exception
      when others then
        raise warning 'The holds of listing % were not expired: %.', v_listing_id, sqlstate;
    end;
    set constraints all deferred;
  end loop;
  return v_expired;
end
$$;

grant execute on function app_private.expire_holds(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.expire_holds(integer) is
  'Expires bookings whose hold is over, some listings a call; says how many.';
--! EndIncluded bookings/server/expire_holds.sql
--! Included bookings/server/end_alterations.sql
/*
 * Ends changes of stays whose time is over and that hold no nights: proposals that nobody answered,
 * and accepted changes that nobody paid, where Stripe has ten minutes more to say so. Each has a
 * savepoint of its own: one that fails is reported as a warning and left, and the others go on.
 */
create or replace function app_private.end_alterations(alteration_limit integer default 500)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration record;
  v_ended integer := 0;
begin
  for v_alteration in
    select a.id, a.booking_id from app_public.alterations a
    where a.expires_at <= app_hidden.clock()
      and (a.status = 'proposed' or (
        a.status = 'accepted' and a.expires_at <= app_hidden.clock() - interval '10 minutes'
        and not exists (
          select from app_public.calendar_claims c where c.alteration_id = a.id
        )
      ))
    order by a.booking_id
    limit end_alterations.alteration_limit
  loop
    begin
      perform app_hidden.lock_booking(v_alteration.booking_id);
      update app_public.alterations a
      set status = 'expired', status_actor = 'system',
          reason = case a.status
            when 'proposed' then 'Nobody answered in time.'
            else 'The difference was not paid in time.'
          end
      where a.id = v_alteration.id and a.status in ('proposed', 'accepted');
      if found then
        v_ended := v_ended + 1;
      end if;
    exception
      when others then
        raise warning 'The change % was not ended: %.', v_alteration.id, sqlstate;
    end;
  end loop;
  return v_ended;
end
$$;

grant execute on function app_private.end_alterations(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_alterations(integer) is
  'Ends changes of stays that nobody answered or paid in time; says how many.';
--! EndIncluded bookings/server/end_alterations.sql
alter table app_public.ledger_transactions
  drop constraint if exists ledger_transactions_kind_is_known;
alter table app_public.ledger_transactions
  add constraint ledger_transactions_kind_is_known check (
    kind in (
      'charge', 'late_charge', 'cancellation', 'goodwill', 'refund', 'refund_failure',
      'foreign_refund', 'foreign_refund_failure', 'settlement', 'unknown_charge', 'alteration'
    )
  );
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
  payment_id uuid,
  refund_id uuid,
  reverses_id uuid
    constraint ledger_transactions_reverses_id_fkey
      references app_public.ledger_transactions on delete restrict,
  -- Entries are written in the transaction that writes their parent, and never after.
  written_by text default pg_current_xact_id()::text,

  constraint ledger_transactions_external_fact_key unique (external_fact),
  constraint ledger_transactions_kind_is_known check (
    kind in (
      'charge', 'late_charge', 'cancellation', 'goodwill', 'refund', 'refund_failure',
      'foreign_refund', 'foreign_refund_failure', 'settlement', 'unknown_charge', 'alteration'
    )
  ),
  -- What is taken back is taken back once.
  constraint ledger_transactions_reverses_id_key unique (reverses_id),
  constraint ledger_transactions_names_its_cause check (
    case
      when kind in ('charge', 'late_charge') then payment_id is not null
      when kind in ('foreign_refund', 'foreign_refund_failure', 'settlement')
        then refund_id is not null
      else true
    end
  )
);

alter table app_public.ledger_transactions enable row level security;
alter table app_public.ledger_transactions force row level security;

create index if not exists ledger_transactions_booking_id_idx
  on app_public.ledger_transactions (booking_id);

create index if not exists ledger_transactions_payment_id_idx
  on app_public.ledger_transactions (payment_id);
create index if not exists ledger_transactions_refund_id_idx
  on app_public.ledger_transactions (refund_id);

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
  'charge, late_charge, cancellation, alteration, goodwill, refund, refund_failure, '
  'foreign_refund, foreign_refund_failure, settlement or unknown_charge.';
comment on column app_public.ledger_transactions.booking_id is 'The booking it is about.';
comment on column app_public.ledger_transactions.payment_id is 'The payment it is of.';
comment on column app_public.ledger_transactions.refund_id is 'The refund it is of.';
comment on column app_public.ledger_transactions.reverses_id is
  'The transaction that it takes back.';
comment on column app_public.ledger_transactions.written_by is
  'The transaction of the database that wrote it.';
comment on column app_public.ledger_transactions.created_at is 'When it was written down.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_transactions_external_fact_key on app_public.ledger_transactions is
  'INTERNAL: What happened outside is in the ledger once.';
comment on constraint ledger_transactions_reverses_id_key on app_public.ledger_transactions is
  'INTERNAL: A transaction of the ledger is taken back once.';
comment on constraint ledger_transactions_names_its_cause on app_public.ledger_transactions is
  'INTERNAL: A transaction of the ledger names the payment or refund that it is of.';
comment on constraint ledger_transactions_kind_is_known on app_public.ledger_transactions is
  'INTERNAL: The ledger knows this kind of transaction.';
--! EndIncluded ledger/tables/ledger_transactions.sql
--! Included checkout/internal/set_hold_end.sql
/*
 * Until when the nights of a booking that waits for its payment are held. While Stripe could still
 * take the money they outlast the guest's time by ten minutes: so long Stripe may take to say
 * whether it was paid, and who wants the nights is told that they are taken. While the bank decides
 * they have no time here: expire_holds() ends them a day after the guest's time. The caller holds
 * the locks on units and booking.
 */
create or replace function app_hidden.set_hold_end(
  booking app_public.bookings, payment_status app_public.payment_status
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.calendar_claims c
  set expires_at = case payment_status
    when 'processing' then null
    when 'cancelled' then booking.hold_expires_at
    else booking.hold_expires_at + interval '10 minutes'
  end
  where c.booking_id = booking.id and c.kind = 'hold' and c.alteration_id is null
$$;

comment on function app_hidden.set_hold_end(app_public.bookings, app_public.payment_status) is
  'Holds the nights of a booking for as long as its payment may take.';
--! EndIncluded checkout/internal/set_hold_end.sql
--! Included checkout/internal/alteration_of.sql
create or replace function app_hidden.alteration_of(payment app_public.payments)
returns app_public.alterations
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.* from app_public.alterations a
  where payment.purpose = 'alteration' and a.booking_id = payment.booking_id
    and a.sequence = payment.sequence
$$;

comment on function app_hidden.alteration_of(app_public.payments) is
  'The change that a payment is for; a null row where it is for something else.';
--! EndIncluded checkout/internal/alteration_of.sql
--! Included checkout/internal/set_alteration_hold_end.sql
/*
 * Until when an accepted change holds its nights: as for a stay, see set_hold_end(). The caller
 * holds the locks on units and booking.
 */
create or replace function app_hidden.set_alteration_hold_end(
  alteration app_public.alterations, payment_status app_public.payment_status
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.calendar_claims c
  set expires_at = case payment_status
    when 'processing' then null
    when 'cancelled' then alteration.expires_at
    else alteration.expires_at + interval '10 minutes'
  end
  where c.alteration_id = alteration.id
$$;

comment on function app_hidden.set_alteration_hold_end(
  app_public.alterations, app_public.payment_status
) is 'Holds the nights of a change for as long as its payment may take.';
--! EndIncluded checkout/internal/set_alteration_hold_end.sql
--! Included checkout/internal/expire_alteration.sql
create or replace function app_hidden.expire_alteration(alteration_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.alterations a
  set status = 'expired', status_actor = 'system', reason = 'The difference was not paid in time.'
  where a.id = expire_alteration.alteration_id;
  delete from app_public.calendar_claims c
  where c.alteration_id = expire_alteration.alteration_id;
end
$$;

comment on function app_hidden.expire_alteration(uuid) is
  'Ends a change that nobody paid in time, and frees what it held.';
--! EndIncluded checkout/internal/expire_alteration.sql
--! Included checkout/internal/follow_unpaid_alteration.sql
/*
 * What a payment that has taken no money yet means for the change that it is for. The caller holds
 * the locks on units, booking and payment.
 */
create or replace function app_hidden.follow_unpaid_alteration(
  payment app_public.payments, alteration app_public.alterations
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if alteration.status = 'accepted' then
    perform app_hidden.set_alteration_hold_end(alteration, payment.status);
    -- Now it is known that the guest did not pay in time.
    if payment.status = 'cancelled' and alteration.expires_at <= app_hidden.clock() then
      perform app_hidden.expire_alteration(alteration.id);
    end if;
  elsif payment.status not in ('processing', 'cancelled') then
    perform app_hidden.queue_intent_cancellation(payment.id);
  end if;
end
$$;

comment on function app_hidden.follow_unpaid_alteration(
  app_public.payments, app_public.alterations
) is 'What a payment that has taken no money means for the change that it is for.';
--! EndIncluded checkout/internal/follow_unpaid_alteration.sql
--! Included checkout/internal/follow_unpaid.sql
/*
 * What a payment that has taken no money yet means for its booking: the nights are held for as long
 * as it may still come; a card that is authorised asks the host; an authorisation that has ended
 * ends the request; and of a booking that has ended nobody must pay. The caller holds the locks on
 * units, booking and payment.
 */
create or replace function app_hidden.follow_unpaid(
  payment app_public.payments, booking app_public.bookings
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if payment.purpose = 'alteration' then
    perform app_hidden.follow_unpaid_alteration(payment, app_hidden.alteration_of(payment));
  elsif booking.status = 'pending_payment' and payment.status = 'authorised'
    and payment.capture_method = 'manual'
  then
    perform app_hidden.ask_host(booking, payment.authorised_until);
  elsif booking.status = 'pending_payment' then
    perform app_hidden.set_hold_end(booking, payment.status);
    -- Now it is known that the guest did not pay in time.
    if payment.status = 'cancelled' and booking.hold_expires_at <= app_hidden.clock() then
      update app_public.bookings b
      set status = 'expired', status_actor = 'system',
          status_reason = 'The hold ended before payment.'
      where b.id = booking.id;
    end if;
  elsif booking.status in ('requested', 'accepted') and payment.status = 'cancelled' then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The bank no longer sets the money aside.'
    where b.id = booking.id;
  elsif booking.status = 'accepted' then
    perform app_hidden.queue_capture(payment.id);
  elsif booking.status in ('expired', 'cancelled', 'declined')
    and payment.status not in ('processing', 'cancelled')
  then
    perform app_hidden.queue_intent_cancellation(payment.id);
  end if;
end
$$;

comment on function app_hidden.follow_unpaid(app_public.payments, app_public.bookings) is
  'What a payment that has taken no money means for its booking.';
--! EndIncluded checkout/internal/follow_unpaid.sql
--! Included checkout/internal/cancel_alteration_intent.sql
create or replace function app_hidden.cancel_alteration_intent(alteration app_public.alterations)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.queue_intent_cancellation(p.id)
  from app_public.payments p
  where p.booking_id = alteration.booking_id and p.purpose = 'alteration'
    and p.sequence = alteration.sequence and p.stripe_payment_intent_id is not null
    and p.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
$$;

comment on function app_hidden.cancel_alteration_intent(app_public.alterations) is
  'Asks Stripe to take no more money for a change that has ended.';
--! EndIncluded checkout/internal/cancel_alteration_intent.sql
--! Included checkout/triggers/tg_alterations__cancel_intent.sql
create or replace function app_hidden.tg_alterations__cancel_intent() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.cancel_alteration_intent(NEW);
  return null;
end
$$;

create or replace trigger _600_cancel_intent
  after update of status on app_public.alterations
  for each row when (NEW.status in ('expired', 'withdrawn', 'declined'))
  execute function app_hidden.tg_alterations__cancel_intent();

comment on function app_hidden.tg_alterations__cancel_intent() is
  'When a change ends unpaid, its intent is cancelled at Stripe.';
--! EndIncluded checkout/triggers/tg_alterations__cancel_intent.sql
--! Included checkout/internal/payment_due.sql
/*
 * What a guest has to pay now: the stay, or what an accepted change costs more.
 */
create or replace function app_hidden.payment_due(
  booking app_public.bookings, alteration app_public.alterations,
  out purpose app_public.payment_purpose, out sequence smallint, out host_amount bigint,
  out platform_amount bigint, out capture_method app_public.capture_method,
  out expires_at timestamptz
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    case when alteration.id is null then 'stay' else 'alteration' end
      ::app_public.payment_purpose,
    coalesce(alteration.sequence, 1::smallint),
    coalesce(alteration.host_amount - alteration.old_host_amount, booking.host_amount),
    coalesce(alteration.platform_amount - alteration.old_platform_amount, booking.platform_amount),
    case when alteration.id is null and booking.booking_mode = 'request'
      then 'manual' else 'automatic' end::app_public.capture_method,
    coalesce(alteration.expires_at, booking.hold_expires_at)
$$;

comment on function app_hidden.payment_due(app_public.bookings, app_public.alterations) is
  'What a guest has to pay now for a booking.';
--! EndIncluded checkout/internal/payment_due.sql
--! Included checkout/server/begin_payment.sql
/*
 * The payment that a booking waits for, of the stay or of an accepted change: the one there is, or
 * a new one. An intent that was cancelled at Stripe starts the next attempt of the same payment.
 * The amount is read from the booking or the change. Called by the server with the guest's claims;
 * Stripe is asked after this has committed, with the payment's id and attempt as idempotency key.
 */
create or replace function app_private.begin_payment(booking_id uuid) returns app_public.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(begin_payment.booking_id);
  v_alteration app_public.alterations;
  v_due record;
  v_payment app_public.payments;
begin
  v_booking := app_hidden.lock_booking(v_booking.id);
  select a.* into v_alteration from app_public.alterations a
  where a.booking_id = v_booking.id and a.status = 'accepted'
    and a.expires_at > app_hidden.clock() and v_booking.status = 'confirmed';
  if v_alteration.id is null then
    perform app_hidden.require_payable(v_booking);
  end if;
  v_due := app_hidden.payment_due(v_booking, v_alteration);
  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.purpose = v_due.purpose
    and p.sequence = v_due.sequence;
  if v_payment.id is null then
    insert into app_public.payments (
      booking_id, purpose, sequence, currency, amount, host_amount, platform_amount,
      capture_method
    )
    values (
      v_booking.id, v_due.purpose, v_due.sequence, v_booking.currency,
      v_due.host_amount + v_due.platform_amount, v_due.host_amount, v_due.platform_amount,
      v_due.capture_method
    )
    returning * into v_payment;
    perform app_hidden.add_job(
      'payment__end_hold',
      jsonb_build_object('paymentId', v_payment.id),
      'payment__end_hold:' || v_payment.id,
      run_at => v_due.expires_at
    );
  elsif v_payment.status in ('failed', 'cancelled') then
    v_payment := app_hidden.next_attempt(v_payment);
  end if;
  return v_payment;
end
$$;

grant execute on function app_private.begin_payment(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_payment(uuid) is
  'The live payment of a booking of whoever is signed in; made when first asked for.';
--! EndIncluded checkout/server/begin_payment.sql
--! Included checkout/server/attach_payment_intent.sql
/*
 * Notes which intent Stripe made for a payment; from now on the nights are freed only when Stripe
 * has said that it was not paid (end_hold). Where the booking ended while Stripe was being asked,
 * the intent is cancelled again, so that nobody pays for nothing. The booking is locked first: one
 * that ends at the same moment either sees the intent, or is seen here to have ended.
 * Locks: units, booking, then payment.
 */
create or replace function app_private.attach_payment_intent(payment_id uuid, intent_id text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select b.* into v_booking
  from app_public.payments p join app_public.bookings b on b.id = p.booking_id
  where p.id = attach_payment_intent.payment_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  update app_public.payments p
  set stripe_payment_intent_id = attach_payment_intent.intent_id
  where p.id = attach_payment_intent.payment_id and p.stripe_payment_intent_id is null;
  if not found then
    return;
  end if;
  select p.* into v_payment from app_public.payments p
  where p.id = attach_payment_intent.payment_id;
  if v_payment.purpose = 'alteration' then
    perform app_hidden.follow_unpaid_alteration(v_payment, app_hidden.alteration_of(v_payment));
  elsif v_booking.status = 'pending_payment' then
    perform app_hidden.set_hold_end(v_booking, 'requires_payment');
  elsif v_booking.status in ('expired', 'cancelled', 'declined') then
    perform app_hidden.queue_intent_cancellation(attach_payment_intent.payment_id);
  end if;
end
$$;

grant execute on function app_private.attach_payment_intent(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.attach_payment_intent(uuid, text) is
  'Notes Stripe''s intent of a payment.';
--! EndIncluded checkout/server/attach_payment_intent.sql
--! Included checkout/internal/end_alteration_hold.sql
/*
 * The guest's time to pay for a change is over: as end_hold() for a stay. The caller holds the
 * locks on units and booking.
 */
create or replace function app_hidden.end_alteration_hold(payment app_public.payments)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations := app_hidden.alteration_of(payment);
  v_payment app_public.payments := app_hidden.lock_payment(payment.id);
begin
  if v_alteration.status <> 'accepted' or v_alteration.expires_at > app_hidden.clock() then
    return;
  end if;
  if v_payment.stripe_payment_intent_id is null then
    perform app_hidden.expire_alteration(v_alteration.id);
  elsif v_payment.status not in ('failed', 'cancelled') then
    perform app_hidden.queue_intent_cancellation(v_payment.id);
  end if;
end
$$;

comment on function app_hidden.end_alteration_hold(app_public.payments) is
  'Asks Stripe before the nights of a change that is over are freed.';
--! EndIncluded checkout/internal/end_alteration_hold.sql
--! Included checkout/server/end_hold.sql
/*
 * The guest's time to pay is over: Stripe is asked to take no more money before the nights are
 * freed. What it answers ends the booking, or confirms one that was paid in time
 * (apply_payment_intent). A payment that has no intent cannot have been paid, and ends at once.
 * Locks: units, booking.
 */
create or replace function app_private.end_hold(payment_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select p.* into v_payment from app_public.payments p where p.id = end_hold.payment_id;
  select b.* into v_booking from app_public.bookings b where b.id = v_payment.booking_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  if v_payment.purpose = 'alteration' then
    perform app_hidden.end_alteration_hold(v_payment);
    return;
  end if;
  if v_booking.status is distinct from 'pending_payment'
    or v_booking.hold_expires_at > app_hidden.clock()
  then
    return;
  end if;
  select p.* into v_payment from app_public.payments p where p.id = end_hold.payment_id;
  if v_payment.stripe_payment_intent_id is null then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The hold ended before payment.'
    where b.id = v_booking.id;
  elsif v_payment.status not in ('failed', 'cancelled') then
    perform app_hidden.queue_intent_cancellation(v_payment.id);
  end if;
end
$$;

grant execute on function app_private.end_hold(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_hold(uuid) is
  'Asks Stripe before the nights of a hold that is over are freed.';
--! EndIncluded checkout/server/end_hold.sql
--! Included checkout/internal/refund_alteration.sql
/*
 * What a changed stay costs less is owed to the guest and goes back. What was given back before is
 * not given twice: host and platform give at most what they hold of the booking. The caller holds
 * the locks on units and booking.
 */
create or replace function app_hidden.refund_alteration(
  booking app_public.bookings, alteration app_public.alterations
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_host_holds bigint := app_hidden.booking_balance(booking.id, 'host_payable');
  v_left bigint := v_host_holds + app_hidden.booking_balance(booking.id, 'platform_revenue');
  v_amount bigint := least(-alteration.difference_amount, v_left);
  v_host_gives bigint := least(
    alteration.old_host_amount - alteration.host_amount, v_host_holds, v_amount
  );
begin
  if v_amount <= 0 then
    return;
  end if;
  perform app_hidden.post_ledger(
    'alteration:' || alteration.id, 'alteration', booking.id,
    array[
      row('host_payable', booking.host_id, booking.currency, v_host_gives),
      row('platform_revenue', null, booking.currency, v_amount - v_host_gives),
      row('guest_payable', null, booking.currency, -v_amount)
    ]::app_hidden.ledger_posting[]
  );
  perform app_hidden.queue_refund(
    booking.id, v_amount, 'altered', 'The stay was changed, and costs less.',
    alteration.proposed_by
  );
end
$$;

comment on function app_hidden.refund_alteration(app_public.bookings, app_public.alterations) is
  'Gives back what a changed stay costs less.';
--! EndIncluded checkout/internal/refund_alteration.sql
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
  update app_public.bookings b
  set check_in = alteration.check_in, check_out = alteration.check_out,
      guests = alteration.guests, unit_number = v_unit_number, quote_id = alteration.quote_id,
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
--! Included checkout/internal/sell_paid.sql
/*
 * A payment has arrived in full: it confirms its booking, or changes the stay. False where that
 * cannot be any more. The caller holds the locks on units, booking and payment.
 */
create or replace function app_hidden.sell_paid(
  payment app_public.payments, booking app_public.bookings
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations := app_hidden.alteration_of(payment);
begin
  if payment.purpose = 'stay' then
    return app_hidden.confirm_booking(booking);
  end if;
  if v_alteration.status is distinct from 'accepted' or booking.status <> 'confirmed' then
    return false;
  end if;
  perform app_hidden.apply_alteration(booking, v_alteration, 'system');
  return true;
end
$$;

comment on function app_hidden.sell_paid(app_public.payments, app_public.bookings) is
  'Confirms a booking that was paid, or changes its stay; false where that is too late.';
--! EndIncluded checkout/internal/sell_paid.sql
--! Included checkout/internal/record_capture.sql
/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform. One that came too late, that no
 * host accepted, or of which somebody took a part only, is kept apart in guest_payable until it has
 * gone back.
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
  v_sold boolean := false;
begin
  if record_capture.charge_id is null
    or coalesce(record_capture.received_amount, 0) not between 1 and payment.amount
  then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = record_capture.received_amount,
      captured_at = app_hidden.clock(), stripe_charge_id = record_capture.charge_id,
      failure_code = null
  where p.id = payment.id;

  if record_capture.received_amount = payment.amount then
    v_sold := app_hidden.sell_paid(payment, booking);
  elsif booking.status in ('pending_payment', 'requested', 'accepted') then
    update app_public.bookings b
    set status = 'cancelled', status_actor = 'system',
        status_reason = 'Another amount was taken than was asked for.'
    where b.id = booking.id;
  end if;
  if v_sold then
    perform app_hidden.post_ledger(
      'charge:' || record_capture.charge_id, 'charge', booking.id,
      array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('host_payable', booking.host_id, payment.currency, -payment.host_amount),
        row('platform_revenue', null, payment.currency, -payment.platform_amount)
      ]::app_hidden.ledger_posting[],
      payment_id => payment.id
    );
    return 'confirmed';
  end if;

  perform app_hidden.post_ledger(
    'charge:' || record_capture.charge_id, 'late_charge', booking.id,
    array[
      row('stripe_balance', null, payment.currency, record_capture.received_amount),
      row('guest_payable', null, payment.currency, -record_capture.received_amount)
    ]::app_hidden.ledger_posting[],
    payment_id => payment.id
  );
  if record_capture.received_amount < payment.amount then
    perform app_hidden.queue_refund(
      booking.id, record_capture.received_amount, 'not_accepted',
      'Another amount was taken than was asked for.', 'system'
    );
  elsif payment.purpose = 'alteration' then
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'late_payment',
      'The payment came after the change of the stay had ended.', 'system'
    );
  elsif booking.booking_mode = 'request' then
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'not_accepted',
      'The money was taken for a request that was not accepted, or had ended.', 'system'
    );
  else
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'late_payment', 'The payment came after the hold had expired.',
      'system'
    );
  end if;
  return 'refunding';
end
$$;

comment on function app_hidden.record_capture(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
--! EndIncluded checkout/internal/record_capture.sql
--! Included checkout/internal/require_alterable.sql
/*
 * Raises where a booking cannot be changed to such a stay, whoever agrees. Restrictions of the
 * listing, such as a least number of nights, are for the host to insist on. A stay that has begun
 * keeps its first night, and ends today at the earliest. The caller holds the locks on units and
 * booking.
 */
create or replace function app_hidden.require_alterable(
  booking app_public.bookings, check_in date, check_out date, guests integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := app_hidden.local_today(booking.time_zone);
  v_most_guests smallint := (
    select l.max_guests from app_public.listings l where l.id = booking.listing_id
  );
begin
  perform app_hidden.check_stay(
    require_alterable.check_in, require_alterable.check_out, require_alterable.guests
  );
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
  if (booking.check_in, booking.check_out, booking.guests) = (
    require_alterable.check_in, require_alterable.check_out, require_alterable.guests
  ) then
    raise exception 'This is the stay as it is.' using errcode = 'SBG04', column = 'check_in';
  end if;
  if require_alterable.check_in <> booking.check_in
    and least(require_alterable.check_in, booking.check_in) < v_today
  then
    raise exception 'There it is already %: the first night stays as it is.', v_today
      using errcode = 'SBC03', column = 'check_in';
  end if;
  if require_alterable.check_out < v_today then
    raise exception 'There it is already %: the stay ends then at the earliest.', v_today
      using errcode = 'SBC03', column = 'check_out';
  end if;
  if require_alterable.guests > greatest(v_most_guests, booking.guests) then
    raise exception 'At most % guests fit.', v_most_guests
      using errcode = 'SBC05', column = 'guests';
  end if;
end
$$;

comment on function app_hidden.require_alterable(app_public.bookings, date, date, integer) is
  'Raises where a booking cannot be changed to such a stay.';
--! EndIncluded checkout/internal/require_alterable.sql
--! Included checkout/internal/quote_alteration.sql
/*
 * The price of a sold stay as it shall be, under the policy it was sold under, as a quote that
 * lasts as long as the proposal. The total, and the difference where there is one to pay, are
 * amounts that a card can be charged.
 */
create or replace function app_hidden.quote_alteration(
  booking app_public.bookings, check_in date, check_out date, guests integer, expires_at timestamptz
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
    booking.listing_id, quote_alteration.check_in, quote_alteration.check_out,
    quote_alteration.guests, only_free => false
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
    listing_id, guest_id, check_in, check_out, guests, currency, total_amount, host_amount,
    platform_amount, cancellation_policy, expires_at
  )
  values (
    booking.listing_id, booking.guest_id, quote_alteration.check_in, quote_alteration.check_out,
    quote_alteration.guests, v_price.currency, v_price.total_amount,
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
    booking.listing_id, quote_alteration.check_in, quote_alteration.check_out,
    quote_alteration.guests
  ) with ordinality i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

comment on function app_hidden.quote_alteration(
  app_public.bookings, date, date, integer, timestamptz
) is 'The price of a sold stay as it shall be, as a quote.';
--! EndIncluded checkout/internal/quote_alteration.sql
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
      and alteration.guests <= l.max_guests
      and app_hidden.stay_keeps_restrictions(u, alteration.check_in, alteration.check_out)
  )
$$;

comment on function app_hidden.host_lets_alter(app_public.bookings, app_public.alterations) is
  'Whether the host''s setting accepts a change at once.';
--! EndIncluded checkout/internal/host_lets_alter.sql
--! Included checkout/internal/settle_alteration.sql
/*
 * Both sides agree. Where nothing is to be paid, the stay changes at once. Else the nights that are
 * missing are held beside those of the stay until the guest has paid the difference: a day at most,
 * and never longer than the stay as it is, or until the new one begins. The caller holds the locks
 * on units and booking.
 */
create or replace function app_hidden.settle_alteration(
  booking app_public.bookings, alteration app_public.alterations,
  actor app_public.booking_actor
) returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations;
  v_until timestamptz := least(
    app_hidden.clock() + interval '24 hours',
    booking.check_out::timestamp at time zone booking.time_zone
  );
  v_begins timestamptz := alteration.check_in::timestamp at time zone booking.time_zone;
begin
  if alteration.difference_amount <= 0 then
    return app_hidden.apply_alteration(booking, alteration, actor);
  end if;
  if alteration.check_in <> booking.check_in then
    v_until := least(v_until, greatest(v_begins, app_hidden.clock() + interval '15 minutes'));
  end if;
  update app_public.alterations a
  set status = 'accepted', status_actor = settle_alteration.actor, expires_at = v_until
  where a.id = alteration.id
  returning * into v_alteration;
  perform app_hidden.claim_nights(
    booking.listing_id, n.nights, 'hold', booking_id => booking.id,
    unit_number => n.unit_number, expires_at => v_until, alteration_id => alteration.id
  )
  from app_hidden.alteration_nights(booking, alteration.check_in, alteration.check_out) n;
  return v_alteration;
end
$$;

comment on function app_hidden.settle_alteration(
  app_public.bookings, app_public.alterations, app_public.booking_actor
) is 'Changes a stay that both sides agree on, or waits for its payment.';
--! EndIncluded checkout/internal/settle_alteration.sql
--! Included checkout/internal/require_alterations_booking.sql
/*
 * The booking of a change, for its guest or host; for all others there is no such change.
 */
create or replace function app_hidden.require_alterations_booking(alteration_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking
  from app_public.alterations a join app_public.bookings b on b.id = a.booking_id
  where a.id = require_alterations_booking.alteration_id and v_user_id in (b.guest_id, b.host_id);
  if v_booking.id is null then
    raise exception 'There is no such change.' using errcode = 'SBB13', column = 'alteration_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_alterations_booking(uuid) is
  'The booking of a change, for its guest or host; ALTERATION_NOT_FOUND otherwise.';
--! EndIncluded checkout/internal/require_alterations_booking.sql
--! Included checkout/internal/require_open_alteration.sql
/*
 * A change of a booking of whoever is signed in that waits for an answer. The booking is locked,
 * and so are the units of its listing.
 */
create or replace function app_hidden.require_open_alteration(alteration_id uuid)
returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_alteration app_public.alterations;
begin
  v_booking := app_hidden.require_alterations_booking(require_open_alteration.alteration_id);
  perform app_hidden.lock_units(v_booking.listing_id);
  perform app_hidden.lock_booking(v_booking.id);
  select a.* into v_alteration from app_public.alterations a
  where a.id = require_open_alteration.alteration_id;
  if v_alteration.status not in ('proposed', 'accepted')
    or (v_alteration.status = 'proposed' and v_alteration.expires_at <= app_hidden.clock())
  then
    raise exception 'This change has ended: it is %.', v_alteration.status
      using errcode = 'SBB11', column = 'alteration_id';
  end if;
  return v_alteration;
end
$$;

comment on function app_hidden.require_open_alteration(uuid) is
  'A change that waits for an answer or for its payment, with its booking locked.';
--! EndIncluded checkout/internal/require_open_alteration.sql
--! Included checkout/mutations/propose_alteration.sql
/*
 * A guest or a host proposes another stay in place of a sold one. It is priced now, and that price
 * stands while the proposal does: 24 hours, and no longer than the stay. Where the host's setting
 * accepts changes, a guest's is accepted at once that keeps to the listing's rules and costs no
 * less. Locks: the key, the units, then the booking.
 */
create or replace function app_public.propose_alteration(
  booking_id uuid, idempotency_key text, check_in date, check_out date, guests integer
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
  v_quote app_public.quotes;
  v_alteration app_public.alterations;
  v_until timestamptz;
begin
  v_once := app_hidden.begin_once(
    propose_alteration.idempotency_key, 'propose_alteration',
    jsonb_build_object(
      'id', v_booking.id, 'checkIn', propose_alteration.check_in,
      'checkOut', propose_alteration.check_out, 'guests', propose_alteration.guests
    )
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
  perform app_hidden.require_alterable(
    v_booking, propose_alteration.check_in, propose_alteration.check_out,
    propose_alteration.guests
  );
  perform app_hidden.alteration_nights(
    v_booking, propose_alteration.check_in, propose_alteration.check_out
  );
  v_until := least(
    app_hidden.clock() + interval '24 hours',
    v_booking.check_out::timestamp at time zone v_booking.time_zone
  );
  v_quote := app_hidden.quote_alteration(
    v_booking, propose_alteration.check_in, propose_alteration.check_out,
    propose_alteration.guests, v_until
  );
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

grant execute on function app_public.propose_alteration(uuid, text, date, date, integer)
  to :DATABASE_VISITOR;

comment on function app_public.propose_alteration(uuid, text, date, date, integer) is
  'Proposes other dates or another number of guests for a sold stay, for its guest or its host. '
  'The answer says what it costs more or less; the other side accepts or declines within 24 hours. '
  'To leave early is to propose an earlier check-out. A repeated call with the same key returns '
  'the same proposal.';
--! EndIncluded checkout/mutations/propose_alteration.sql
--! Included checkout/mutations/accept_alteration.sql
/*
 * The other side accepts a change. Locks: the key, the units, then the booking.
 */
create or replace function app_public.accept_alteration(alteration_id uuid, idempotency_key text)
returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings :=
    app_hidden.require_alterations_booking(accept_alteration.alteration_id);
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_once record;
  v_alteration app_public.alterations;
begin
  v_once := app_hidden.begin_once(
    accept_alteration.idempotency_key, 'accept_alteration',
    jsonb_build_object('id', accept_alteration.alteration_id)
  );
  if v_once.ran_before then
    select a.* into v_alteration from app_public.alterations a where a.id = v_once.result_id;
    return v_alteration;
  end if;

  v_alteration := app_hidden.require_open_alteration(accept_alteration.alteration_id);
  if v_alteration.proposed_by = v_actor then
    raise exception 'The other side accepts what you have proposed.'
      using errcode = 'SBG02', column = 'alteration_id';
  end if;
  if v_alteration.status <> 'proposed' then
    raise exception 'This change is accepted already.'
      using errcode = 'SBB11', column = 'alteration_id';
  end if;
  select b.* into v_booking from app_public.bookings b where b.id = v_booking.id;
  v_alteration := app_hidden.settle_alteration(v_booking, v_alteration, v_actor);
  perform app_hidden.end_once(accept_alteration.idempotency_key, v_alteration.id);
  return v_alteration;
end
$$;

grant execute on function app_public.accept_alteration(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.accept_alteration(uuid, text) is
  'Accepts what the other side has proposed. Where the stay costs more, the guest pays the '
  'difference by POST /v1/bookings/{id}/payment, and it changes then; else it changes at once, and '
  'what it costs less goes back. A repeated call with the same key returns the same.';
--! EndIncluded checkout/mutations/accept_alteration.sql
--! Included checkout/mutations/end_alteration.sql
/*
 * One side ends a change: who proposed it, or has accepted it, withdraws; the other declines. While
 * a bank decides on the difference nobody knows whether it is paid: then it is refused. Locks: the
 * units, then the booking.
 */
create or replace function app_public.end_alteration(alteration_id uuid, reason text default '')
returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings :=
    app_hidden.require_alterations_booking(end_alteration.alteration_id);
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_reason app_public.prose := btrim(coalesce(end_alteration.reason, ''));
  v_alteration app_public.alterations :=
    app_hidden.require_open_alteration(end_alteration.alteration_id);
begin
  if length(v_reason) > 1000 then
    raise exception 'A reason has at most 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  if exists (
    select from app_public.payments p
    where p.booking_id = v_booking.id and p.purpose = 'alteration' and p.status = 'processing'
  ) then
    raise exception 'The bank decides on the payment right now; try again when it has.'
      using errcode = 'SBB08', column = 'alteration_id';
  end if;
  update app_public.alterations a
  set status = case
        when v_alteration.status = 'proposed' and v_alteration.proposed_by <> v_actor
          then 'declined'
        else 'withdrawn'
      end::app_public.alteration_status,
      status_actor = v_actor, reason = v_reason
  where a.id = v_alteration.id
  returning * into v_alteration;
  delete from app_public.calendar_claims c where c.alteration_id = v_alteration.id;
  return v_alteration;
end
$$;

grant execute on function app_public.end_alteration(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.end_alteration(uuid, text) is
  'Declines what the other side has proposed, or withdraws what one has proposed or accepted and '
  'nobody has paid yet. The stay remains as it is.';
--! EndIncluded checkout/mutations/end_alteration.sql
alter table app_private.mails drop constraint if exists mails_kind_is_known;
alter table app_private.mails add constraint mails_kind_is_known check (
  kind in (
    'booking_confirmed_guest', 'booking_confirmed_host', 'booking_cancelled_guest',
    'booking_cancelled_host', 'late_payment_refunded', 'refund_sent', 'refund_failed',
    'booking_requested_guest', 'booking_requested_host', 'request_ended_guest',
    'request_ended_host', 'alteration_proposed', 'alteration_accepted', 'alteration_applied',
    'alteration_ended'
  )
);
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
    kind in (
      'booking_confirmed_guest', 'booking_confirmed_host', 'booking_cancelled_guest',
      'booking_cancelled_host', 'late_payment_refunded', 'refund_sent', 'refund_failed',
      'booking_requested_guest', 'booking_requested_host', 'request_ended_guest',
      'request_ended_host', 'alteration_proposed', 'alteration_accepted', 'alteration_applied',
      'alteration_ended'
    )
  )
);

alter table app_private.mails enable row level security;
alter table app_private.mails force row level security;

create index if not exists mails_user_id_idx on app_private.mails (user_id);
create index if not exists mails_booking_id_idx on app_private.mails (booking_id);

comment on table app_private.mails is 'Mail that is owed or was sent, one a person and occasion.';
--! EndIncluded notifications/tables/mails.sql
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
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_cancelled_guest', b.guest_id),
    ('booking_cancelled_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.cancelled' and b.id = mails_of_event.subject
    and b.confirmed_at is not null
  union all
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_requested_guest', b.guest_id),
    ('booking_requested_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.requested' and b.id = mails_of_event.subject
  union all
  -- A request that came to nothing. Who ended it knows; the host hears of no request that was none.
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('request_ended_guest', b.guest_id, b.status_actor <> 'guest'),
    ('request_ended_host', b.host_id, b.status_actor <> 'host' and exists (
      select from app_public.booking_events e
      where e.booking_id = b.id and e.to_status = 'requested'
    ))
  ) m (kind, user_id, is_news)
  where mails_of_event.type in ('booking.declined', 'booking.expired', 'booking.cancelled')
    and b.id = mails_of_event.subject and b.answer_due_at is not null and b.confirmed_at is null
    and m.is_news
  union all
  -- Of a change both sides hear, but for what one has just done oneself.
  select m.kind, m.user_id, b.id
  from app_public.alterations a
  join app_public.bookings b on b.id = a.booking_id
  cross join lateral (values ('guest', b.guest_id), ('host', b.host_id)) side (actor, user_id)
  cross join lateral (
    select side.user_id, case
      when mails_of_event.type = 'alteration.proposed' and side.actor <> a.proposed_by::text
        then 'alteration_proposed'
      when mails_of_event.type = 'alteration.accepted' and side.actor = 'guest'
        then 'alteration_accepted'
      when mails_of_event.type = 'alteration.applied' then 'alteration_applied'
      when mails_of_event.type in (
          'alteration.declined', 'alteration.withdrawn', 'alteration.expired'
        ) and side.actor <> a.status_actor::text and b.status = 'confirmed'
        then 'alteration_ended'
    end as kind
  ) m
  where a.id = mails_of_event.subject and m.kind is not null
  union all
  -- Each refund says for itself that it has arrived, or that it has not, and why it was made.
  select
    case
      when mails_of_event.type = 'refund.failed' then 'refund_failed'
      when r.reason_code = 'late_payment' then 'late_payment_refunded'
      else 'refund_sent'
    end,
    b.guest_id, b.id
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  join app_public.bookings b on b.id = p.booking_id
  where mails_of_event.type in ('refund.succeeded', 'refund.failed')
    and r.id = mails_of_event.subject
    -- Another refund has taken its place: the guest hears of that one.
    and (mails_of_event.type = 'refund.succeeded' or r.needs_attention)
$$;

comment on function app_hidden.mails_of_event(text, uuid) is 'The mails that an event asks for.';
--! EndIncluded notifications/internal/mails_of_event.sql
drop function if exists app_private.mail_to_send(uuid);
--! Included notifications/server/mail_to_send.sql
/*
 * What the mail job needs, or nulls where the mail was sent already or the person has no address
 * (imported hosts have none).
 */
create or replace function app_private.mail_to_send(
  mail_id uuid,
  out kind text, out email text, out display_name text, out other_name text,
  out booking_id uuid, out listing_title text, out city text,
  out check_in date, out check_out date, out guests integer,
  out currency text, out exponent integer, out total_amount bigint, out host_amount bigint,
  out street text, out cancelled_by text, out cancellation_reason text, out kept_host_amount bigint,
  out refund_amount bigint, out refund_reason text, out status text, out status_reason text,
  out answer_due text, out new_check_in date, out new_check_out date, out new_guests integer,
  out difference_amount bigint, out alteration_reason text, out pay_until text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, c.email, u.display_name, o.display_name, b.id, l.title, l.city,
    b.check_in, b.check_out, b.guests, b.currency, cu.exponent, b.total_amount, b.host_amount,
    a.street, ca.actor::text, ca.reason, ca.host_amount, coalesce(r.amount, ca.refund_amount),
    r.reason, b.status::text, b.status_reason,
    to_char(b.answer_due_at at time zone b.time_zone, 'YYYY-MM-DD HH24:MI') || ' ' || b.time_zone,
    al.check_in, al.check_out, al.guests, al.difference_amount, al.reason,
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
  where m.id = mail_to_send.mail_id and m.sent_at is null
$$;

grant execute on function app_private.mail_to_send(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mail_to_send(uuid) is
  'What a mail says and to whom; nulls where there is nothing to send.';
--! EndIncluded notifications/server/mail_to_send.sql
