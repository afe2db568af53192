--! Previous: sha1:02f23b2ff0e1414182447aece9d24f916b54451e
--! Hash: sha1:08c2fb6b604040d98fe26f76f38a63343fd4d9f5
--! Message: say what a person has hosted, stayed and answered

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +23 -0  bookings/tables/bookings.sql
--   new     bookings/computed/users_stays_hosted.sql
--   new     bookings/computed/users_stays_as_guest.sql
--   new     bookings/computed/users_response_rate.sql
-- (npm run db:commit wrote these lines.)

alter table app_public.users validate constraint users_location_has_length;
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
-- What a host's profile says: stays that are over, and the newest requests.
create index if not exists bookings_hosted_idx on app_public.bookings (host_id)
  where status = 'completed' and no_show_at is null;
create index if not exists bookings_asked_idx on app_public.bookings (host_id, answer_due_at)
  where answer_due_at is not null;

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

-- Profiles count stays and answers: what visitors were shown of them is forgotten.
create or replace trigger _750_tell_host
  after update of status, no_show_at on app_public.bookings
  for each row when (
    OLD.no_show_at is distinct from NEW.no_show_at
    or OLD.status is distinct from NEW.status
    and (OLD.status = 'requested' or NEW.status = 'completed')
  )
  execute function app_hidden.tg__tell_change('user', 'host_id');

create or replace trigger _750_tell_guest
  after update of status, no_show_at on app_public.bookings
  for each row when (
    OLD.no_show_at is distinct from NEW.no_show_at
    or OLD.status is distinct from NEW.status and NEW.status = 'completed'
  )
  execute function app_hidden.tg__tell_change('user', 'guest_id');

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
--! Included bookings/computed/users_stays_hosted.sql
/*
 * What a profile says of stays is counted when it is asked for: an index has these bookings alone,
 * by host, so the cost is that of the host's own stays. A count of others' bookings is all that
 * anybody learns, hence the definer.
 */
create or replace function app_public.users_stays_hosted(person app_public.users) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*)::integer from app_public.bookings b
  where b.host_id = person.id and b.status = 'completed' and b.no_show_at is null
$$;

grant execute on function app_public.users_stays_hosted(app_public.users) to :DATABASE_VISITOR;

comment on function app_public.users_stays_hosted(app_public.users) is
  'How many stays with them as host are over; those to which nobody came do not count.';
--! EndIncluded bookings/computed/users_stays_hosted.sql
--! Included bookings/computed/users_stays_as_guest.sql
-- A person's own bookings are few: the index of a guest's bookings is enough.
create or replace function app_public.users_stays_as_guest(person app_public.users) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*)::integer from app_public.bookings b
  where b.guest_id = person.id and b.status = 'completed' and b.no_show_at is null
$$;

grant execute on function app_public.users_stays_as_guest(app_public.users) to :DATABASE_VISITOR;

comment on function app_public.users_stays_as_guest(app_public.users) is
  'How many stays of them as guest are over; those to which they did not come do not count.';
--! EndIncluded bookings/computed/users_stays_as_guest.sql
--! Included bookings/computed/users_response_rate.sql
/*
 * How many requests of the last year a host has answered, of those that were theirs to answer to
 * the end: one that the guest, the operator or the bank took back is left out, and so is one that
 * is open. A no is an answer. Requests end after 24 hours at most, so an answer is one within that
 * time. Below five the rate would say what became of a single one. The hundred newest are enough,
 * and bound the cost.
 */
create or replace function app_public.users_response_rate(person app_public.users) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when count(*) >= 5 then
    round(100.0 * count(*) filter (where e.to_status <> 'expired') / count(*))::integer
  end
  from (
    select b.id, b.answer_due_at from app_public.bookings b
    where b.host_id = person.id and b.answer_due_at > app_hidden.clock() - interval '1 year'
    order by b.answer_due_at desc limit 100
  ) asked
  join app_public.booking_events e on e.booking_id = asked.id
    and e.from_status = 'requested'
    and (
      e.to_status in ('accepted', 'declined')
      or e.to_status = 'expired' and e.created_at >= asked.answer_due_at
    )
$$;

grant execute on function app_public.users_response_rate(app_public.users) to :DATABASE_VISITOR;

comment on function app_public.users_response_rate(app_public.users) is
  'Percent of the booking requests of the last year that they answered within 24 hours, as host; '
  'null below five.';
--! EndIncluded bookings/computed/users_response_rate.sql
