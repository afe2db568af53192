--! Previous: sha1:44593ce09d9b60d38a8d4986ddfe3eb2cad19aa7
--! Hash: sha1:c0857d271515dc0ca7002fb15e7d7894d3ddc8b8
--! Message: book by request

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +2 -1   foundation/event_types.sql
--   new     payments/types/capture_method.sql
--   +2 -1   bookings/tables/booking_transitions.sql
--   +13 -0  bookings/tables/bookings.sql
--   +9 -2   bookings/data/booking_transitions.sql
--   +1 -0   bookings/triggers/tg_bookings__check_transition.sql
--   new     bookings/triggers/tg_bookings__claim_matches.sql
--   +1 -1   bookings/internal/booked_listing_ids.sql
--   +9 -4   bookings/internal/expire_listing_holds.sql
--   +13 -5  bookings/internal/confirm_booking.sql
--   new     bookings/internal/require_open_request.sql
--   +6 -8   bookings/mutations/create_booking.sql
--   +8 -0   payments/tables/payments.sql
--   new     checkout/internal/queue_capture.sql
--   new     checkout/internal/ask_host.sql
--   new     checkout/internal/follow_unpaid.sql
--   +43 -24 checkout/internal/record_capture.sql
--   +32 -38 checkout/server/apply_payment_intent.sql
--   +10 -2  checkout/server/begin_payment.sql
--   +4 -0   checkout/internal/cancellation_terms.sql
--   new     checkout/mutations/accept_booking.sql
--   new     checkout/mutations/decline_booking.sql
--   +1 -1   quotes/types/bookability_reason.sql
--   +2 -4   quotes/queries/bookability.sql
--   +0 -3   quotes/internal/require_bookable.sql
--   +3 -2   search/internal/search_candidates.sql
--   +4 -1   search/types/search_result.sql
--   +9 -7   search/queries/search_listings.sql
--   +2 -1   notifications/tables/mails.sql
--   +22 -0  notifications/internal/mails_of_event.sql
--   +4 -2   notifications/server/mail_to_send.sql
-- (npm run db:commit wrote these lines.)

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
--! Included payments/types/capture_method.sql
do $$
begin
  create type app_public.capture_method as enum ('automatic', 'manual');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.capture_method is
  'Whether the money is taken as soon as the bank agrees, or set aside until the host accepts.';
--! EndIncluded payments/types/capture_method.sql
alter table app_public.bookings
  add column if not exists booking_mode app_public.booking_mode not null default 'instant';
alter table app_public.bookings alter column booking_mode drop default;
alter table app_public.bookings add column if not exists answer_due_at timestamptz;
alter table app_public.bookings drop constraint if exists bookings_request_has_deadline;
alter table app_public.bookings add constraint bookings_request_has_deadline check (
  status not in ('requested', 'accepted', 'declined') or answer_due_at is not null
);
alter table app_hidden.booking_transitions
  drop constraint if exists booking_transitions_deadline_is_known;
alter table app_hidden.booking_transitions add constraint booking_transitions_deadline_is_known
  check (
    deadline in (
      'none', 'after_hold', 'before_answer_due', 'until_check_in', 'before_check_out',
      'after_check_out'
    )
  );
delete from app_hidden.booking_transitions t
where t.from_status = 'requested' and t.to_status = 'confirmed';
--! Included bookings/tables/booking_transitions.sql
/*
 * The booking process as data: which change of status is allowed, to whom, and when. What has no
 * row here does not happen, whoever asks.
 */
create table if not exists app_hidden.booking_transitions (
  from_status app_public.booking_status not null,
  to_status app_public.booking_status not null,
  actor app_public.booking_actor not null,
  deadline text not null,

  constraint booking_transitions_pkey primary key (from_status, to_status, actor),
  constraint booking_transitions_deadline_is_known check (
    deadline in (
      'none', 'after_hold', 'before_answer_due', 'until_check_in', 'before_check_out',
      'after_check_out'
    )
  )
);

alter table app_hidden.booking_transitions enable row level security;
alter table app_hidden.booking_transitions force row level security;

comment on table app_hidden.booking_transitions is 'Allowed changes of a booking''s status.';
--! EndIncluded bookings/tables/booking_transitions.sql
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

  -- A quote is sold once.
  constraint bookings_quote_id_key unique (quote_id),
  -- A request that is repeated finds what it made the first time.
  constraint bookings_idempotency_key_key unique (guest_id, idempotency_key),
  constraint bookings_idempotency_key_has_length check (length(idempotency_key) between 8 and 200),
  constraint bookings_stay_is_ordered check (check_in < check_out),
  constraint bookings_guests_are_positive check (guests > 0),
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
comment on constraint bookings_request_has_deadline on app_public.bookings is
  'INTERNAL: A host has until an instant to answer a request.';
comment on constraint bookings_shares_sum on app_public.bookings is
  'INTERNAL: The shares of a booking are its total.';
comment on constraint bookings_amounts_are_not_negative on app_public.bookings is
  'INTERNAL: A booking has a price, and shares that are not negative.';
--! EndIncluded bookings/tables/bookings.sql
--! Included bookings/data/booking_transitions.sql
insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
values
  ('pending_payment', 'confirmed', 'system', 'none'),
  ('pending_payment', 'requested', 'system', 'none'),
  ('pending_payment', 'expired', 'system', 'after_hold'),
  ('pending_payment', 'cancelled', 'guest', 'none'),
  -- The system cancels a request that leaves its host no time to answer, and what of another amount
  -- was taken, or unasked.
  ('pending_payment', 'cancelled', 'system', 'none'),
  ('pending_payment', 'cancelled', 'operator', 'none'),
  ('requested', 'accepted', 'host', 'before_answer_due'),
  ('requested', 'declined', 'host', 'before_answer_due'),
  ('requested', 'expired', 'system', 'none'),
  ('requested', 'cancelled', 'guest', 'none'),
  ('requested', 'cancelled', 'operator', 'none'),
  ('requested', 'cancelled', 'system', 'none'),
  ('accepted', 'confirmed', 'system', 'none'),
  ('accepted', 'expired', 'system', 'none'),
  ('accepted', 'cancelled', 'system', 'none'),
  -- Money came after the hold had expired, and the nights could be taken again.
  ('expired', 'confirmed', 'system', 'until_check_in'),
  ('confirmed', 'cancelled', 'guest', 'before_check_out'),
  ('confirmed', 'cancelled', 'host', 'before_check_out'),
  ('confirmed', 'cancelled', 'operator', 'none'),
  ('confirmed', 'completed', 'system', 'after_check_out')
on conflict (from_status, to_status, actor) do update set deadline = excluded.deadline;
--! EndIncluded bookings/data/booking_transitions.sql
--! Included bookings/triggers/tg_bookings__check_transition.sql
/*
 * Enforces the transitions table on every change of status, psql included, and notes when a booking
 * was confirmed. Another trigger appends the change to the history: tg_bookings__append_event.
 */
create or replace function app_hidden.tg_bookings__check_transition() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deadline text;
  v_today date := app_hidden.local_today(NEW.time_zone);
  v_in_time boolean;
begin
  if TG_OP = 'INSERT' then
    if NEW.status <> 'pending_payment' then
      raise exception 'A booking begins as pending_payment.' using errcode = 'SBB08';
    end if;
    return NEW;
  end if;

  select t.deadline into v_deadline from app_hidden.booking_transitions t
  where t.from_status = OLD.status and t.to_status = NEW.status and t.actor = NEW.status_actor;
  v_in_time := case v_deadline
    when 'none' then true
    when 'after_hold' then app_hidden.clock() >= NEW.hold_expires_at
    when 'before_answer_due' then app_hidden.clock() < NEW.answer_due_at
    when 'until_check_in' then v_today <= NEW.check_in
    when 'before_check_out' then v_today < NEW.check_out
    when 'after_check_out' then v_today >= NEW.check_out
    else false
  end;
  if not v_in_time then
    raise exception 'A booking that is % cannot become % by the % now.',
      OLD.status, NEW.status, NEW.status_actor using errcode = 'SBB08';
  end if;
  if NEW.status = 'confirmed' then
    NEW.confirmed_at := app_hidden.clock();
  end if;
  return NEW;
end
$$;

create or replace trigger _200_check_transition
  before insert or update of status on app_public.bookings
  for each row execute function app_hidden.tg_bookings__check_transition();

comment on function app_hidden.tg_bookings__check_transition() is
  'Refuses changes of status that the transitions table does not allow.';
--! EndIncluded bookings/triggers/tg_bookings__check_transition.sql
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
    left join app_public.calendar_claims c on c.booking_id = b.id
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
--! Included bookings/internal/booked_listing_ids.sql
-- A hold that ended unpaid gives no lasting right: anybody could have one for nothing.
create or replace function app_hidden.booked_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id()
    and (b.confirmed_at is not null or b.status in ('pending_payment', 'requested', 'accepted'))
$$;

grant execute on function app_hidden.booked_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.booked_listing_ids() is
  'Listings that whoever is signed in has booked, past and cancelled stays included.';
--! EndIncluded bookings/internal/booked_listing_ids.sql
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
  where c.booking_id = b.id
    and c.listing_id = expire_listing_holds.listing_id
    and c.kind = 'hold'
    and coalesce(c.expires_at, b.hold_expires_at + interval '1 day') <= app_hidden.clock()
    and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
    and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights);
  get diagnostics v_expired = row_count;
  return v_expired;
end
$$;

comment on function app_hidden.expire_listing_holds(uuid, smallint, daterange) is
  'Expires bookings of a listing whose hold is over, and frees their nights; says how many.';
--! EndIncluded bookings/internal/expire_listing_holds.sql
--! Included bookings/internal/confirm_booking.sql
/*
 * Confirms a booking that was paid. Where its hold is gone, the nights are taken again on any free
 * unit, if the listing is still open for bookings; false where that cannot be. Late money sells no
 * stay whose check-in has passed: a hold that is paid so late is ended here. Of a request only the
 * host's acceptance makes a sale: one whose money was taken without it is ended here, and none that
 * has ended is sold again. The caller holds the locks on the units and the booking.
 */
create or replace function app_hidden.confirm_booking(booking app_public.bookings) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_is_request boolean := booking.booking_mode = 'request';
  v_is_too_late boolean := booking.hold_expires_at <= app_hidden.clock()
    and booking.check_in < app_hidden.local_today(booking.time_zone);
begin
  if v_is_request and booking.status in ('pending_payment', 'requested') then
    update app_public.bookings b
    set status = 'cancelled', status_actor = 'system',
        status_reason = 'The money was taken before the host had accepted.'
    where b.id = booking.id;
    return false;
  elsif booking.status = 'pending_payment' and v_is_too_late then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The check-in had passed before payment.'
    where b.id = booking.id;
    return false;
  elsif booking.status = 'expired' and not v_is_request and not v_is_too_late and exists (
    select from app_public.listings l where l.id = booking.listing_id and l.status = 'published'
  ) then
    begin
      v_claim := app_hidden.claim_nights(
        booking.listing_id,
        app_hidden.claim_window(booking.check_in, booking.check_out, (
          select l.preparation_days from app_public.listings l where l.id = booking.listing_id
        )),
        'booking',
        booking_id => booking.id
      );
    exception
      when sqlstate 'SBC01' then return false;
    end;
  elsif booking.status not in ('pending_payment', 'accepted') then
    return false;
  end if;

  update app_public.bookings b
  set status = 'confirmed', status_actor = 'system', status_reason = 'Paid.',
      unit_number = coalesce(v_claim.unit_number, b.unit_number)
  where b.id = booking.id;
  return true;
end
$$;

comment on function app_hidden.confirm_booking(app_public.bookings) is
  'Confirms a paid booking; false where its nights are gone.';
--! EndIncluded bookings/internal/confirm_booking.sql
--! Included bookings/internal/require_open_request.sql
/*
 * Only a request whose answer is not due yet is answered. The caller holds the lock on the booking.
 */
create or replace function app_hidden.require_open_request(booking app_public.bookings)
returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if booking.status <> 'requested' then
    raise exception 'Only a request is accepted or declined; this booking is %.', booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if booking.answer_due_at <= app_hidden.clock() then
    raise exception 'The time to answer this request is over.'
      using errcode = 'SBB05', column = 'booking_id';
  end if;
end
$$;

comment on function app_hidden.require_open_request(app_public.bookings) is
  'Raises where a host can no longer, or not yet, answer a booking.';
--! EndIncluded bookings/internal/require_open_request.sql
--! Included bookings/mutations/create_booking.sql
/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms, or asks the
 * host where the listing takes requests.
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
  c_most_holds constant integer := 50;
  v_user_id uuid := app_hidden.require_user_id();
  v_booking_id uuid := uuidv7();
  v_booking app_public.bookings;
  v_quote app_public.quotes;
  v_listing app_public.listings;
  v_claim app_public.calendar_claims;
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

  if v_quote.check_in < app_hidden.local_today(v_listing.time_zone) then
    raise exception 'Check-in is in the past by now; ask for a new quote.'
      using errcode = 'SBC03', column = 'quote_id';
  end if;
  -- Holding costs nothing: without a limit one guest could keep a market closed.
  if (
    select count(*) from app_public.bookings b
    where b.guest_id = v_user_id and b.status = 'pending_payment'
      and b.hold_expires_at > app_hidden.clock()
  ) >= c_most_holds then
    raise exception 'You hold % stays already: pay or give up one first.', c_most_holds
      using errcode = 'SBB10', column = 'quote_id';
  end if;
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
    check_in, check_out, guests, currency, total_amount, host_amount, platform_amount,
    cancellation_policy, time_zone, hold_expires_at, check_in_from, house_rules, booking_mode
  )
  values (
    v_booking_id, v_quote.listing_id, v_claim.unit_number, v_listing.host_id, v_user_id,
    v_quote.id, create_booking.idempotency_key, v_quote.check_in, v_quote.check_out,
    v_quote.guests, v_quote.currency, v_quote.total_amount, v_quote.host_amount,
    v_quote.platform_amount, v_quote.cancellation_policy, v_listing.time_zone,
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
alter table app_public.payments
  add column if not exists capture_method app_public.capture_method not null default 'automatic';
alter table app_public.payments add column if not exists authorised_until timestamptz;
alter table app_public.payments add column if not exists captured_at timestamptz;
update app_public.payments p set captured_at = t.created_at
from app_public.ledger_transactions t
where t.external_fact = 'charge:' || p.stripe_charge_id and p.captured_at is null;
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
  capture_method app_public.capture_method not null default 'automatic',
  authorised_until timestamptz,
  captured_at timestamptz,

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
comment on column app_public.payments.capture_method is
  'Whether the money is taken at once, or set aside until the host accepts.';
comment on column app_public.payments.authorised_until is
  'Until when the bank sets the money aside, where Stripe has said so.';
comment on column app_public.payments.captured_at is 'When the money was taken.';
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
--! Included checkout/internal/queue_capture.sql
create or replace function app_hidden.queue_capture(payment_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.add_job(
    'payment__capture',
    jsonb_build_object('paymentId', payment_id),
    'payment__capture:' || payment_id,
    max_attempts => 25,
    queue_name => (
      select app_hidden.stripe_queue(p.stripe_payment_intent_id) from app_public.payments p
      where p.id = queue_capture.payment_id
    )
  )
$$;

comment on function app_hidden.queue_capture(uuid) is
  'Asks Stripe to take the money that is set aside for a payment.';
--! EndIncluded checkout/internal/queue_capture.sql
--! Included checkout/internal/ask_host.sql
/*
 * The money for a request is set aside: the host has 24 hours to answer, and never longer than
 * until the bank lets go of it (ten minutes are kept for taking it) or the stay begins. Where no
 * time is left, the request ends here, and its end releases the card. The caller holds the locks on
 * units and booking.
 */
create or replace function app_hidden.ask_host(
  booking app_public.bookings, authorised_until timestamptz
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_due_at timestamptz := least(
    app_hidden.clock() + interval '24 hours',
    ask_host.authorised_until - interval '10 minutes',
    app_hidden.check_in_instant(booking, 0)
  );
begin
  if v_due_at <= app_hidden.clock() then
    update app_public.bookings b
    set status = 'cancelled', status_actor = 'system', answer_due_at = v_due_at,
        status_reason = 'No time was left for the host to answer.'
    where b.id = booking.id;
    return;
  end if;
  update app_public.bookings b
  set status = 'requested', status_actor = 'system', status_reason = 'The card is authorised.',
      answer_due_at = v_due_at
  where b.id = booking.id;
  update app_public.calendar_claims c set expires_at = v_due_at
  where c.booking_id = booking.id and c.kind = 'hold';
end
$$;

comment on function app_hidden.ask_host(app_public.bookings, timestamptz) is
  'Makes a booking whose card is authorised a request that its host answers.';
--! EndIncluded checkout/internal/ask_host.sql
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
  if booking.status = 'pending_payment' and payment.status = 'authorised'
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
    v_sold := app_hidden.confirm_booking(booking);
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
        row('host_payable', booking.host_id, payment.currency, -booking.host_amount),
        row('platform_revenue', null, payment.currency, -booking.platform_amount)
      ]::app_hidden.ledger_posting[]
    );
    return 'confirmed';
  end if;

  perform app_hidden.post_ledger(
    'charge:' || record_capture.charge_id, 'late_charge', booking.id,
    array[
      row('stripe_balance', null, payment.currency, record_capture.received_amount),
      row('guest_payable', null, payment.currency, -record_capture.received_amount)
    ]::app_hidden.ledger_posting[]
  );
  if record_capture.received_amount < payment.amount then
    perform app_hidden.queue_refund(
      booking.id, record_capture.received_amount, 'not_accepted',
      'Another amount was taken than was asked for.', 'system'
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
drop function if exists app_private.apply_payment_intent(text, uuid, text, bigint, text, text);
--! Included checkout/server/apply_payment_intent.sql
/*
 * Brings our payment to where Stripe's intent is, as re-fetched by the job. It may be called any
 * number of times, in any order: states only move forward, and each effect is written once.
 *
 * Money that arrived: a booking that waits becomes confirmed. A booking whose hold expired takes
 * its nights again; where that is not possible any more, the money goes back. Never neither (M6).
 * Money that was set aside: the host is asked. An intent that we have not noted is believed to be
 * ours when its metadata names our payment and it asks for that payment's amount and currency.
 * Locks: availability, then booking, then payment, then ledger accounts.
 *
 * Returns what was done: unknown, unchanged, noted, confirmed, refunding.
 */
create or replace function app_private.apply_payment_intent(
  intent_id text,
  payment_id uuid,
  intent_status text,
  received_amount bigint,
  charge_id text,
  failure_code text,
  amount bigint,
  currency text,
  authorised_until timestamptz default null
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select p.* into v_payment from app_public.payments p
  where p.stripe_payment_intent_id = apply_payment_intent.intent_id
    or (p.id = apply_payment_intent.payment_id and p.stripe_payment_intent_id is null
      and p.amount = apply_payment_intent.amount and p.currency = apply_payment_intent.currency);
  if v_payment.id is null then
    return 'unknown';
  end if;
  select b.* into v_booking from app_public.bookings b where b.id = v_payment.booking_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_payment := app_hidden.lock_payment(v_payment.id);
  -- Another intent was noted in the meantime: this one is not ours to act on.
  if v_payment.stripe_payment_intent_id <> apply_payment_intent.intent_id then
    return 'unknown';
  end if;
  -- Stripe may report before the server has noted the intent.
  update app_public.payments p
  set stripe_payment_intent_id = apply_payment_intent.intent_id,
      failure_code = coalesce(apply_payment_intent.failure_code, p.failure_code)
  where p.id = v_payment.id
  returning p.* into v_payment;

  if v_payment.status not in ('requires_payment', 'requires_action', 'processing', 'authorised')
    -- What was set aside is taken or let go of. All else is older news.
    or (v_payment.status = 'authorised'
      and apply_payment_intent.intent_status not in ('requires_capture', 'succeeded', 'canceled'))
  then
    return 'unchanged';
  end if;
  if apply_payment_intent.intent_status = 'succeeded' then
    return app_hidden.record_capture(
      v_payment, v_booking, apply_payment_intent.received_amount, apply_payment_intent.charge_id
    );
  end if;

  update app_public.payments p
  set status = case apply_payment_intent.intent_status
    when 'requires_action' then 'requires_action'
    when 'processing' then 'processing'
    when 'requires_capture' then 'authorised'
    when 'canceled' then 'cancelled'
    else 'requires_payment'
  end::app_public.payment_status,
    authorised_until = coalesce(apply_payment_intent.authorised_until, p.authorised_until)
  where p.id = v_payment.id
  returning * into v_payment;
  perform app_hidden.follow_unpaid(v_payment, v_booking);
  return 'noted';
end
$$;

grant execute on function app_private.apply_payment_intent(
  text, uuid, text, bigint, text, text, bigint, text, timestamptz
) to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_payment_intent(
  text, uuid, text, bigint, text, text, bigint, text, timestamptz
) is 'Brings a payment to where Stripe''s intent is; repeatable, in any order.';
--! EndIncluded checkout/server/apply_payment_intent.sql
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
  if v_booking.status in ('requested', 'accepted') then
    raise exception 'The money for this booking is set aside; the host is asked.'
      using errcode = 'SBB06';
  end if;
  if v_booking.status <> 'pending_payment' then
    raise exception 'A booking that is % cannot be paid.', v_booking.status using errcode = 'SBB06';
  end if;

  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.status not in ('failed', 'cancelled');
  if v_payment.id is null then
    insert into app_public.payments (booking_id, currency, amount, capture_method)
    values (
      v_booking.id, v_booking.currency, v_booking.total_amount,
      case v_booking.booking_mode when 'request' then 'manual' else 'automatic' end
        ::app_public.capture_method
    )
    returning * into v_payment;
    perform app_hidden.add_job(
      'payment__end_hold',
      jsonb_build_object('paymentId', v_payment.id),
      'payment__end_hold:' || v_payment.id,
      run_at => v_booking.hold_expires_at
    );
  end if;
  return v_payment;
end
$$;

grant execute on function app_private.begin_payment(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_payment(uuid) is
  'The live payment of a booking of whoever is signed in; made when first asked for.';
--! EndIncluded checkout/server/begin_payment.sql
--! Included checkout/internal/cancellation_terms.sql
/*
 * What cancelling a booking now does to its money. A host who cancels gives all back; the operator
 * may say how much; for all others the policy decides. The lines say what is due. What goes back is
 * at most what host and platform still hold of the booking: what was given back or promised before
 * is not given twice.
 */
create or replace function app_hidden.cancellation_terms(
  booking app_public.bookings, actor app_public.booking_actor, percent integer default null
) returns app_public.cancellation_terms
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_terms app_public.cancellation_terms;
  v_cleaning_percent integer;
  v_host_holds bigint := app_hidden.booking_balance(booking.id, 'host_payable');
  v_left bigint := v_host_holds + app_hidden.booking_balance(booking.id, 'platform_revenue');
  v_due bigint;
  v_host_keeps bigint;
begin
  if booking.status = 'accepted' then
    raise exception 'The money is being taken right now; try again when it has been.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if booking.status not in ('pending_payment', 'requested', 'confirmed') then
    raise exception 'A booking that is % cannot be cancelled.', booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if booking.status <> 'confirmed' then
    v_terms.basis := 'not_charged';
    v_terms.nights_percent := 0;
    v_cleaning_percent := 0;
  elsif cancellation_terms.percent is not null then
    v_terms.basis := 'operator_decides';
    v_terms.nights_percent := cancellation_terms.percent;
    v_cleaning_percent := cancellation_terms.percent;
  elsif cancellation_terms.actor = 'host' then
    v_terms.basis := 'host_cancels';
    v_terms.nights_percent := 100;
    v_cleaning_percent := 100;
  else
    select r.basis, r.nights_percent, r.cleaning_percent, r.holds_until
    into v_terms.basis, v_terms.nights_percent, v_cleaning_percent, v_terms.holds_until
    from app_hidden.policy_refund(booking) r;
  end if;

  select
    coalesce(array_agg(l), '{}'),
    coalesce(sum(l.refund_amount) filter (where l.payer = 'guest'), 0),
    coalesce(
      sum(case when l.payer = 'host' then -l.kept_amount else l.kept_amount end)
        filter (where 'host' in (l.payer, l.payee)),
      0
    )
  into v_terms.line_items, v_due, v_host_keeps
  from app_hidden.cancellation_lines(
    booking, v_terms.basis, v_terms.nights_percent, v_cleaning_percent
  ) l
  where v_terms.basis <> 'not_charged';

  v_terms.booking_id := booking.id;
  v_terms.policy := booking.cancellation_policy;
  v_terms.currency := booking.currency;
  v_terms.paid_amount := (
    select coalesce(sum(p.captured_amount), 0) from app_public.payments p
    where p.booking_id = booking.id
  );
  v_terms.refunded_before_amount := v_terms.paid_amount - v_left;
  v_terms.refund_amount := least(v_due, v_left);
  v_terms.kept_amount := v_left - v_terms.refund_amount;
  v_terms.host_amount := least(v_host_keeps, v_host_holds);
  v_terms.platform_amount := v_terms.kept_amount - v_terms.host_amount;
  return v_terms;
end
$$;

comment on function app_hidden.cancellation_terms(
  app_public.bookings, app_public.booking_actor, integer
) is 'What cancelling a booking now gives back and leaves, line by line.';
--! EndIncluded checkout/internal/cancellation_terms.sql
--! Included checkout/mutations/accept_booking.sql
/*
 * A host accepts a request. The money that is set aside is taken by a job; when Stripe has taken it
 * the booking is confirmed. Stripe has a day for that: so long the nights are kept. Locks: the key,
 * the units, then the booking.
 */
create or replace function app_public.accept_booking(booking_id uuid, idempotency_key text)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_host_booking(accept_booking.booking_id);
  v_once record;
begin
  v_once := app_hidden.begin_once(
    accept_booking.idempotency_key, 'accept_booking', jsonb_build_object('id', v_booking.id)
  );
  if v_once.ran_before then
    select b.* into v_booking from app_public.bookings b where b.id = v_once.result_id;
    return v_booking;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  perform app_hidden.require_open_request(v_booking);
  update app_public.bookings b
  set status = 'accepted', status_actor = 'host', status_reason = ''
  where b.id = v_booking.id
  returning * into v_booking;
  update app_public.calendar_claims c set expires_at = app_hidden.clock() + interval '1 day'
  where c.booking_id = v_booking.id and c.kind = 'hold';
  perform app_hidden.queue_capture(p.id) from app_public.payments p
  where p.booking_id = v_booking.id and p.status = 'authorised';
  perform app_hidden.end_once(accept_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.accept_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.accept_booking(uuid, text) is
  'For the host: accepts a request before its answer is due. The guest''s money is taken, and then '
  'the booking is confirmed, mostly within seconds. A repeated call with the same key returns the '
  'same booking.';
--! EndIncluded checkout/mutations/accept_booking.sql
--! Included checkout/mutations/decline_booking.sql
/*
 * A host declines a request. The nights are free again, and a trigger releases the guest's card.
 * Locks: the key, the units, then the booking.
 */
create or replace function app_public.decline_booking(
  booking_id uuid, idempotency_key text, reason text default ''
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_host_booking(decline_booking.booking_id);
  v_reason app_public.prose := btrim(coalesce(decline_booking.reason, ''));
  v_once record;
begin
  if length(v_reason) > 1000 then
    raise exception 'A reason has at most 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  v_once := app_hidden.begin_once(
    decline_booking.idempotency_key, 'decline_booking',
    jsonb_build_object('id', v_booking.id, 'reason', v_reason)
  );
  if v_once.ran_before then
    select b.* into v_booking from app_public.bookings b where b.id = v_once.result_id;
    return v_booking;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  perform app_hidden.require_open_request(v_booking);
  update app_public.bookings b
  set status = 'declined', status_actor = 'host', status_reason = v_reason
  where b.id = v_booking.id
  returning * into v_booking;
  perform app_hidden.end_once(decline_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.decline_booking(uuid, text, text) to :DATABASE_VISITOR;

comment on function app_public.decline_booking(uuid, text, text) is
  'For the host: declines a request before its answer is due. The nights are free again, and the '
  'guest''s card is released. A repeated call with the same key returns the same booking.';
--! EndIncluded checkout/mutations/decline_booking.sql
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
  'booking_window, advance_notice, too_many_guests, nights_taken, total_too_low, total_too_high '
  '(than a card can be charged).';
comment on column app_public.bookability_reason.rule is
  'The listing''s rule that made it, such as "3" for min_nights.';
--! EndIncluded quotes/types/bookability_reason.sql
--! Included quotes/queries/bookability.sql
/*
 * Every reason why a stay cannot be booked, not only the first: a client shows them all. An empty
 * answer means that it can be quoted, and booked or asked for now, at a total that a card can be
 * charged. Holds that are over do not count as taken.
 */
create or replace function app_public.bookability(
  listing_id uuid, check_in date, check_out date, guests integer
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
    least(bookability.guests, v_listing.max_guests), only_free => false
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
      v_listing.advance_notice_hours::text),
    ('too_many_guests', bookability.guests > v_listing.max_guests, v_listing.max_guests::text),
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

grant execute on function app_public.bookability(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.bookability(uuid, date, date, integer) is
  'Every reason why a stay cannot be booked; empty when it can.';
--! EndIncluded quotes/queries/bookability.sql
--! Included quotes/internal/require_bookable.sql
/*
 * The first reason of bookability(), as an error. Every reason has a code of its own in the
 * registry, so that a client can put the message next to the right field.
 */
create or replace function app_hidden.require_bookable(
  listing_id uuid, check_in date, check_out date, guests integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.bookability_reason;
begin
  select * into v_reason from app_public.bookability(
    require_bookable.listing_id, require_bookable.check_in, require_bookable.check_out,
    require_bookable.guests
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
    when 'too_many_guests' then
      raise exception 'At most % guests fit.', v_reason.rule
        using errcode = 'SBC05', column = 'guests';
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
    else null;
  end case;
end
$$;

comment on function app_hidden.require_bookable(uuid, date, date, integer) is
  'Raises the first reason why a stay cannot be booked.';
--! EndIncluded quotes/internal/require_bookable.sql
drop function if exists app_hidden.search_candidates(
  bigint, integer, uuid, integer, integer, integer, integer, integer, bigint, bigint, smallint,
  bigint, bigint
);
--! Included search/internal/search_candidates.sql
/*
 * The listings of one map square that pass what can be judged by the projection alone, in the order
 * of their score, from behind a given one. One index-only scan, backwards; the caller merges some
 * of these and stops early.
 *
 * Longitudes are counted east from the box's western edge, which is right on both sides of the date
 * line. The place behind the given listing is written without a row comparison, which the index
 * would evaluate for every entry. The case keeps the tests in this order, what rules out most
 * first; left to itself the planner puts the cheapest first, which makes a page a tenth slower.
 * Kept such that the planner inlines it: language sql, stable, no
 * set clause, called in FROM.
 */
create or replace function app_hidden.search_candidates(
  cell bigint, after_score integer, after_listing_id uuid,
  west_e6 integer, width_e6 integer, south_e6 integer, north_e6 integer,
  guests integer, need bigint, any_of bigint, currency_number smallint,
  least_amount bigint, most_amount bigint
) returns table (
  score integer,
  listing_id uuid,
  longitude_e6 integer,
  latitude_e6 integer,
  nightly_floor_amount bigint,
  currency_number smallint,
  attrs bigint
)
language sql stable
as $$
  select s.score, s.listing_id, s.longitude_e6, s.latitude_e6, s.nightly_floor_amount,
    s.currency_number, s.attrs
  from app_hidden.search_cells s
  where s.cell = search_candidates.cell
    and s.score <= search_candidates.after_score
    and case when s.attrs & search_candidates.need = search_candidates.need then
      s.latitude_e6 between search_candidates.south_e6 and search_candidates.north_e6
      and (s.longitude_e6 - search_candidates.west_e6 + 360000000) % 360000000
        <= search_candidates.width_e6
      and s.nightly_floor_amount
        between search_candidates.least_amount and search_candidates.most_amount
      and s.max_guests >= search_candidates.guests
      and s.attrs & search_candidates.any_of <> 0
      and (search_candidates.currency_number is null
        or s.currency_number = search_candidates.currency_number)
      and (s.score < search_candidates.after_score
        or s.listing_id < search_candidates.after_listing_id)
    else false end
  order by s.score desc, s.listing_id desc
$$;

comment on function app_hidden.search_candidates(
  bigint, integer, uuid, integer, integer, integer, integer, integer, bigint, bigint, smallint,
  bigint, bigint
) is 'Listings of one map square that fit as far as the projection knows, best first.';
--! EndIncluded search/internal/search_candidates.sql
do $$
begin
  alter type app_public.search_result add attribute booking_mode app_public.booking_mode;
exception
  when duplicate_column then null;
end
$$;
--! Included search/types/search_result.sql
do $$
begin
  create type app_public.search_result as (
    listing_id uuid,
    longitude double precision,
    latitude double precision,
    currency text,
    nightly_floor_amount bigint,
    nights integer,
    total_amount bigint,
    cursor text,
    booking_mode app_public.booking_mode
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.search_result is
  'A listing that was found, with its price for the dates.';
comment on column app_public.search_result.listing_id is 'The listing.';
comment on column app_public.search_result.longitude is 'Degrees east of its public place.';
comment on column app_public.search_result.latitude is 'Degrees north of its public place.';
comment on column app_public.search_result.currency is 'ISO 4217 currency of the amounts.';
comment on column app_public.search_result.nightly_floor_amount is
  'The lowest rate of a night that can be booked from today on, before fees, in minor units.';
comment on column app_public.search_result.nights is 'Nights of the stay; null without dates.';
comment on column app_public.search_result.total_amount is
  'What the guest would pay for the stay, all fees included, exactly as quoted, in minor units; '
  'null without dates.';
comment on column app_public.search_result.booking_mode is
  'Whether the guest books at once, or the host is asked first.';
comment on column app_public.search_result.cursor is 'Give it as after to get what follows.';
--! EndIncluded search/types/search_result.sql
--! Included search/queries/search_listings.sql
/*
 * One page of search, by relevance. The box's map squares, each walked in the order of its score,
 * are merged; candidates that pass what the projection knows are asked whether they are free, and
 * for the exact total, one by one, until the page is full. Pages are keyed by (score, listing_id),
 * so no page costs more than the first.
 *
 * The planner cannot see through masks and multiranges; with its default settings it would rather
 * sort everything than stop early. The settings below hold for this function alone, and for the
 * helpers it calls, which set none of their own. Runs as the owner: the projection has public facts
 * only, and overlap tests cannot use an index under row-level security.
 */
create or replace function app_public.search_listings(
  west double precision,
  south double precision,
  east double precision,
  north double precision,
  check_in date default null,
  check_out date default null,
  guests integer default 1,
  amenities text[] default '{}',
  types app_public.listing_type[] default '{}',
  instant_only boolean default false,
  minimum_rating numeric default null,
  currency text default null,
  min_amount bigint default null,
  max_amount bigint default null,
  page_size integer default 20,
  after text default null
) returns setof app_public.search_result
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_bitmapscan = off
set enable_seqscan = off
set enable_sort = off
as $$
declare
  v_nights integer := search_listings.check_out - search_listings.check_in;
  v_currency_number smallint;
  v_instant bigint := app_hidden.search_mask('booking_mode', '{instant}');
  v_need bigint := 0;
  v_any bigint := -1;
  v_score integer := 2147483647;
  v_listing_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_cells bigint[];
  v_west integer;
  v_east integer;
  v_south integer;
  v_north integer;
  v_width integer;
  v_least bigint := 0;
  v_most bigint := 9223372036854775807;
  v_least_total bigint := coalesce(search_listings.min_amount, 0);
  v_most_total bigint := coalesce(search_listings.max_amount, 9223372036854775807);
begin
  perform app_hidden.check_search(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north,
    search_listings.check_in, search_listings.check_out, search_listings.guests,
    search_listings.currency, search_listings.min_amount, search_listings.max_amount,
    search_listings.page_size, search_listings.after
  );
  -- Nothing can be booked so far ahead or takes so many: no need to look through the whole market.
  if search_listings.check_in > app_hidden.clock()::date + 732 or search_listings.guests > 16 then
    return;
  end if;
  if search_listings.after is not null then
    v_score := split_part(search_listings.after, '.', 1)::integer;
    v_listing_id := split_part(search_listings.after, '.', 2)::uuid;
  end if;
  if search_listings.currency is not null then
    select c.number into v_currency_number from app_public.currencies c
    where c.code = search_listings.currency;
  end if;
  if cardinality(search_listings.amenities) > 0 then
    v_need := app_hidden.search_mask('amenity', search_listings.amenities);
  end if;
  if search_listings.instant_only then
    v_need := v_need | v_instant;
  end if;
  if search_listings.minimum_rating is not null then
    v_need := v_need | app_hidden.search_rating_mask(search_listings.minimum_rating);
  end if;
  if cardinality(search_listings.types) > 0 then
    v_any := app_hidden.search_mask('type', search_listings.types::text[]);
  end if;
  if v_nights is null then
    v_least := coalesce(search_listings.min_amount, v_least);
    v_most := coalesce(search_listings.max_amount, v_most);
  elsif search_listings.max_amount is not null then
    -- A total is at least its nights at the lowest rate and the fee on them, whose rounding takes
    -- off at most 5.
    select floor(
      (search_listings.max_amount + 5.0) * 10000 / (10000 + f.guest_service_fee_bps) / v_nights
    )
    into v_most
    from app_hidden.fees_in_force() f;
  end if;
  v_west := round(search_listings.west * 1e6);
  v_east := round(search_listings.east * 1e6);
  v_south := round(search_listings.south * 1e6);
  v_north := round(search_listings.north * 1e6);
  v_cells := app_hidden.search_windows(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north
  );
  v_width := v_east - v_west + case when v_west > v_east then 360000000 else 0 end;

  return query
  select
    page.listing_id,
    page.longitude_e6 / 1e6::double precision,
    page.latitude_e6 / 1e6::double precision,
    coalesce(
      search_listings.currency,
      (select c.code from app_public.currencies c where c.number = page.currency_number)
    ),
    page.nightly_floor_amount,
    v_nights,
    page.total_amount,
    page.score || '.' || page.listing_id,
    case when page.attrs & v_instant = v_instant then 'instant' else 'request' end
      ::app_public.booking_mode
  from (
    select found.*, price.total_amount
    from (
      select * from app_hidden.search_candidates(
        v_cells[1], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[2], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[3], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[4], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
    ) found
    -- Without dates a null id finds nothing, without looking.
    left join lateral app_hidden.price_stay(
      case when v_nights is not null then found.listing_id end,
      search_listings.check_in, search_listings.check_out, search_listings.guests, only_free => true
    ) price on true
    where v_nights is null
      or (price.total_amount >= v_least_total and price.total_amount <= v_most_total)
    order by found.score desc, found.listing_id desc
    limit search_listings.page_size
  ) page
  order by page.score desc, page.listing_id desc;
end
$$;

grant execute on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) to :DATABASE_VISITOR;

comment on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) is
  'Published listings inside a box in degrees (west > east crosses the date line), most relevant '
  'first; with dates, only those that can be booked or asked for, with the exact total. Amounts to '
  'search by need a currency; with dates they are totals of the stay, without dates nightly rates. '
  'At most 100 a page; what comes after the cursor of the last result is the next page.';
--! EndIncluded search/queries/search_listings.sql
alter table app_private.mails drop constraint if exists mails_kind_is_known;
alter table app_private.mails add constraint mails_kind_is_known check (
  kind in (
    'booking_confirmed_guest', 'booking_confirmed_host', 'booking_cancelled_guest',
    'booking_cancelled_host', 'late_payment_refunded', 'refund_sent', 'refund_failed',
    'booking_requested_guest', 'booking_requested_host', 'request_ended_guest',
    'request_ended_host'
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
      'request_ended_host'
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
  out answer_due text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, c.email, u.display_name, o.display_name, b.id, l.title, l.city,
    b.check_in, b.check_out, b.guests, b.currency, cu.exponent, b.total_amount, b.host_amount,
    a.street, ca.actor::text, ca.reason, ca.host_amount, coalesce(r.amount, ca.refund_amount),
    r.reason, b.status::text, b.status_reason,
    to_char(b.answer_due_at at time zone b.time_zone, 'YYYY-MM-DD HH24:MI') || ' ' || b.time_zone
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
  where m.id = mail_to_send.mail_id and m.sent_at is null
$$;

grant execute on function app_private.mail_to_send(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mail_to_send(uuid) is
  'What a mail says and to whom; nulls where there is nothing to send.';
--! EndIncluded notifications/server/mail_to_send.sql
