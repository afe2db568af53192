--! Previous: sha1:5c82b2ace05c17941030db93eb84549fb52e965c
--! Hash: sha1:6d1b4763861d0414a359a86ebb2da32e441b670d
--! Message: note who arrives, leaves and does not come

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +3 -0   foundation/event_types.sql
--   +41 -0  bookings/tables/bookings.sql
--   new     bookings/internal/stay_to_mark.sql
--   new     bookings/mutations/mark_checked_in.sql
--   new     bookings/mutations/mark_checked_out.sql
--   new     bookings/mutations/mark_no_show.sql
--   new     bookings/mutations/take_back_no_show.sql
--   +1 -1   notifications/tables/mails.sql
--   +5 -0   notifications/internal/mails_of_event.sql
--   +4 -0   reviews/mutations/submit_review.sql
--   +3 -2   bookings/internal/policy_refund.sql
--   +4 -0   checkout/internal/require_alterable.sql
-- (npm run db:commit wrote these lines.)

-- A guest arrives, leaves, or does not come.
alter table app_public.bookings add column if not exists checked_in_at timestamptz;
alter table app_public.bookings add column if not exists checked_in_by app_public.booking_actor;
alter table app_public.bookings add column if not exists checked_out_at timestamptz;
alter table app_public.bookings add column if not exists checked_out_by app_public.booking_actor;
alter table app_public.bookings add column if not exists no_show_at timestamptz;
alter table app_public.bookings drop constraint if exists bookings_marks_have_actors;
alter table app_public.bookings add constraint bookings_marks_have_actors check (
  (checked_in_at is null) = (checked_in_by is null)
  and (checked_out_at is null) = (checked_out_by is null)
);
alter table app_public.bookings drop constraint if exists bookings_no_show_was_not_there;
alter table app_public.bookings add constraint bookings_no_show_was_not_there
  check (no_show_at is null or coalesce(checked_in_at, checked_out_at) is null);
alter table app_private.mails drop constraint if exists mails_kind_is_known;
alter table app_private.mails add constraint mails_kind_is_known check (
  kind in (
    'booking_confirmed_guest', 'booking_confirmed_host', 'booking_cancelled_guest',
    'booking_cancelled_host', 'late_payment_refunded', 'refund_sent', 'refund_failed',
    'booking_requested_guest', 'booking_requested_host', 'request_ended_guest',
    'request_ended_host', 'alteration_proposed', 'alteration_accepted', 'alteration_applied',
    'alteration_ended', 'no_show_guest'
  )
);

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
  ('booking.checked_in', 'A guest has arrived.'),
  ('booking.checked_out', 'A guest has left.'),
  ('booking.no_show', 'The host says that nobody came.'),
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
  checked_in_at timestamptz,
  checked_in_by app_public.booking_actor,
  checked_out_at timestamptz,
  checked_out_by app_public.booking_actor,
  no_show_at timestamptz,

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
  constraint bookings_marks_have_actors check (
    (checked_in_at is null) = (checked_in_by is null)
    and (checked_out_at is null) = (checked_out_by is null)
  ),
  constraint bookings_no_show_was_not_there
    check (no_show_at is null or coalesce(checked_in_at, checked_out_at) is null),
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

create or replace trigger _600_checked_in
  after update of checked_in_at on app_public.bookings
  for each row when (OLD.checked_in_at is null and NEW.checked_in_at is not null)
  execute function
    app_hidden.tg__append_event('booking.checked_in', 'id', 'listing_id', 'host_id', 'guest_id');

create or replace trigger _600_checked_out
  after update of checked_out_at on app_public.bookings
  for each row when (OLD.checked_out_at is null and NEW.checked_out_at is not null)
  execute function
    app_hidden.tg__append_event('booking.checked_out', 'id', 'listing_id', 'host_id', 'guest_id');

create or replace trigger _600_no_show
  after update of no_show_at on app_public.bookings
  for each row when (OLD.no_show_at is null and NEW.no_show_at is not null)
  execute function
    app_hidden.tg__append_event('booking.no_show', 'id', 'listing_id', 'host_id', 'guest_id');

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
comment on column app_public.bookings.checked_in_at is
  'When somebody said that the guest had arrived.';
comment on column app_public.bookings.checked_in_by is
  'Which side said that the guest had arrived.';
comment on column app_public.bookings.checked_out_at is
  'When somebody said that the guest had left.';
comment on column app_public.bookings.checked_out_by is 'Which side said that the guest had left.';
comment on column app_public.bookings.no_show_at is 'When the host said that nobody had come.';
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
comment on constraint bookings_marks_have_actors on app_public.bookings is
  'INTERNAL: Somebody says that a guest has arrived or left.';
comment on constraint bookings_no_show_was_not_there on app_public.bookings is
  'INTERNAL: Who did not come has neither arrived nor left.';
comment on constraint bookings_guest_is_not_host on app_public.bookings is
  'OWN_LISTING: Hosts do not book their own listing.';
comment on constraint bookings_request_has_deadline on app_public.bookings is
  'INTERNAL: A host has until an instant to answer a request.';
comment on constraint bookings_shares_sum on app_public.bookings is
  'INTERNAL: The shares of a booking are its total.';
comment on constraint bookings_amounts_are_not_negative on app_public.bookings is
  'INTERNAL: A booking has a price, and shares that are not negative.';
--! EndIncluded bookings/tables/bookings.sql
--! Included bookings/internal/stay_to_mark.sql
/*
 * A sold stay of its guest or its host, locked, for what somebody says of it: from a local day on,
 * until two days after check-out, for who has left writes it down the day after. Locks: the
 * booking.
 */
create or replace function app_hidden.stay_to_mark(booking_id uuid, first_day integer)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(stay_to_mark.booking_id);
  v_today date;
begin
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_today := app_hidden.local_today(v_booking.time_zone);
  if v_booking.status not in ('confirmed', 'completed') then
    raise exception 'This is said of a stay that is sold; this one is %.', v_booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if v_today < v_booking.check_in + stay_to_mark.first_day then
    raise exception 'There it is % now; this is said from % on.',
      v_today, v_booking.check_in + stay_to_mark.first_day
      using errcode = 'SBB14', column = 'booking_id';
  end if;
  if v_today > v_booking.check_out + 2 then
    raise exception 'There it is % now; this was said until %.',
      v_today, v_booking.check_out + 2
      using errcode = 'SBB14', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.stay_to_mark(uuid, integer) is
  'A sold stay, locked, in the days in which arriving and leaving are noted.';
--! EndIncluded bookings/internal/stay_to_mark.sql
--! Included bookings/mutations/mark_checked_in.sql
/*
 * The guest has arrived. Either side says so; whoever is first is kept. A host who had said that
 * nobody came takes that back with it; a guest cannot. Locks: the booking.
 */
create or replace function app_public.mark_checked_in(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.stay_to_mark(
    mark_checked_in.booking_id, first_day => 0
  );
  v_is_host boolean := v_booking.host_id = app_hidden.require_user_id();
begin
  if v_booking.checked_in_at is not null then
    return v_booking;
  end if;
  if v_booking.no_show_at is not null and not v_is_host then
    raise exception 'The host says that nobody came: only the host can take that back.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  update app_public.bookings b
  set checked_in_at = app_hidden.clock(), no_show_at = null,
      checked_in_by = case when v_is_host then 'host' else 'guest' end::app_public.booking_actor
  where b.id = v_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.mark_checked_in(uuid) to :DATABASE_VISITOR;

comment on function app_public.mark_checked_in(uuid) is
  'Says that the guest has arrived, for the guest or the host, from the day of check-in on. '
  'Said again, it changes nothing.';
--! EndIncluded bookings/mutations/mark_checked_in.sql
--! Included bookings/mutations/mark_checked_out.sql
/*
 * The guest has left. Either side says so; whoever is first is kept. It moves no money and frees no
 * nights: to leave early is an alteration. Locks: the booking.
 */
create or replace function app_public.mark_checked_out(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.stay_to_mark(
    mark_checked_out.booking_id, first_day => 0
  );
begin
  if v_booking.checked_out_at is not null then
    return v_booking;
  end if;
  if v_booking.no_show_at is not null then
    raise exception 'The host says that nobody came: nobody can have left.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  update app_public.bookings b
  set checked_out_at = app_hidden.clock(),
      checked_out_by = case app_hidden.require_user_id()
        when b.host_id then 'host' else 'guest'
      end::app_public.booking_actor
  where b.id = v_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.mark_checked_out(uuid) to :DATABASE_VISITOR;

comment on function app_public.mark_checked_out(uuid) is
  'Says that the guest has left, for the guest or the host. It neither frees nights nor gives '
  'money back: to leave early, propose an alteration. Said again, it changes nothing.';
--! EndIncluded bookings/mutations/mark_checked_out.sql
--! Included bookings/mutations/mark_no_show.sql
/*
 * The host says that nobody came: from the day after check-in on, for a guest may arrive late. The
 * stay stays sold and paid, its nights stay the guest's, who may still come, and is not reviewed
 * any more. A guest who has said to be there cannot be said not to have come. Locks: the booking.
 */
create or replace function app_public.mark_no_show(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_host_booking(mark_no_show.booking_id);
begin
  v_booking := app_hidden.stay_to_mark(v_booking.id, first_day => 1);
  if v_booking.no_show_at is not null then
    return v_booking;
  end if;
  if coalesce(v_booking.checked_in_at, v_booking.checked_out_at) is not null then
    raise exception 'The guest was there: the stay has a check-in or a check-out.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  update app_public.bookings b set no_show_at = app_hidden.clock()
  where b.id = v_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.mark_no_show(uuid) to :DATABASE_VISITOR;

comment on function app_public.mark_no_show(uuid) is
  'Says that nobody came, for the host, from the day after check-in on; the guest is told by mail. '
  'Nothing is given back, and the nights stay the guest''s. The host''s markCheckedIn takes it '
  'back.';
--! EndIncluded bookings/mutations/mark_no_show.sql
--! Included bookings/mutations/take_back_no_show.sql
/*
 * The operator has looked into it: the guest was there, whatever the host says. Locks: the booking.
 */
create or replace function app_public.take_back_no_show(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.lock_booking(take_back_no_show.booking_id);
begin
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  update app_public.bookings b set no_show_at = null
  where b.id = v_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.take_back_no_show(uuid) to :DATABASE_OPERATOR;

comment on function app_public.take_back_no_show(uuid) is
  'For the operator: a host said that nobody came, and the guest was there.';
--! EndIncluded bookings/mutations/take_back_no_show.sql
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
      'alteration_ended', 'no_show_guest'
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
  select 'no_show_guest', b.guest_id, b.id
  from app_public.bookings b
  where mails_of_event.type = 'booking.no_show' and b.id = mails_of_event.subject
    and b.no_show_at is not null
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
  if v_booking.no_show_at is not null then
    raise exception 'Nobody came to this stay: there is nothing to review.'
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
--! Included bookings/internal/policy_refund.sql
/*
 * What a guest who cancels now is given back under the policy of the booking. The times are those
 * at which the guest may arrive, on the day of check-in or so many days before, local to the
 * listing; who cancels at that instant is still in time. Who has arrived before that has begun the
 * stay.
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
  if v_now > v_check_in or booking.checked_in_at is not null then
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
  if asked.check_in <> booking.check_in and booking.checked_in_at is not null then
    raise exception 'The guest has arrived: the first night stays as it is.'
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
