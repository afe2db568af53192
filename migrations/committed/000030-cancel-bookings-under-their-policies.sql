--! Previous: sha1:4a8f9fef8a60be44847f734617b246c9364a8c16
--! Hash: sha1:d4abe13cd3a6e09d5cbd0f7e1aef2ce142c1f472
--! Message: cancel bookings under their policies

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     bookings/types/cancellation_basis.sql
--   new     bookings/tables/cancellation_tiers.sql
--   new     bookings/tables/cancellations.sql
--   new     bookings/tables/cancellation_line_items.sql
--   new     bookings/policies/cancellation_tiers.sql
--   new     bookings/data/cancellation_tiers.sql
--   new     bookings/policies/cancellations.sql
--   new     bookings/policies/cancellation_line_items.sql
--   +3 -0   bookings/data/booking_transitions.sql
--   +7 -0   bookings/tables/bookings.sql
--   new     bookings/internal/require_own_booking.sql
--   +3 -10  bookings/internal/require_guest_booking.sql
--   new     bookings/internal/require_host_booking.sql
--   new     bookings/internal/check_in_instant.sql
--   new     bookings/internal/policy_refund.sql
--   +2 -2   bookings/mutations/create_booking.sql
--   +8 -3   ledger/tables/ledger_transactions.sql
--   new     ledger/internal/booking_balance.sql
--   new     payments/types/refund_reason.sql
--   new     payments/types/refund_origin.sql
--   +37 -2  payments/tables/refunds.sql
--   new     checkout/internal/queue_refund.sql
--   +3 -9   checkout/internal/record_capture.sql
--   new     checkout/types/cancellation_line.sql
--   new     checkout/types/cancellation_terms.sql
--   new     checkout/internal/cancellation_lines.sql
--   new     checkout/internal/cancellation_terms.sql
--   new     checkout/queries/cancellation_preview.sql
--   new     checkout/internal/settle_cancellation.sql
--   new     checkout/mutations/cancel_booking.sql
--   new     checkout/mutations/cancel_booking_as_operator.sql
--   +5 -1   notifications/tables/mails.sql
--   +19 -3  notifications/internal/mails_of_event.sql
--   +8 -2   notifications/server/mail_to_send.sql
-- (npm run db:commit wrote these lines.)

--! Included bookings/types/cancellation_basis.sql
do $$
begin
  create type app_public.cancellation_basis as enum (
    'not_charged', 'grace_period', 'policy', 'before_check_in', 'after_check_in', 'host_cancels',
    'operator_decides', 'in_proportion'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cancellation_basis is
  'Why a cancellation gives back what it gives back.';
--! EndIncluded bookings/types/cancellation_basis.sql
--! Included bookings/tables/cancellation_tiers.sql
/*
 * What each cancellation policy gives back. A booking is sold under a policy, so its tiers never
 * change: another promise is another policy.
 */
create table if not exists app_public.cancellation_tiers (
  policy app_public.cancellation_policy not null,
  days_before smallint not null,
  percent smallint not null,

  constraint cancellation_tiers_pkey primary key (policy, days_before),
  constraint cancellation_tiers_days_before_fit check (days_before between 0 and 365),
  constraint cancellation_tiers_percent_fits check (percent between 1 and 100)
);

alter table app_public.cancellation_tiers enable row level security;
alter table app_public.cancellation_tiers force row level security;

create or replace trigger _100_immutable
  before update or delete on app_public.cancellation_tiers
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.cancellation_tiers is
  'What a policy gives back for the nights to a guest who cancels in time; the greatest percent '
  'whose time has not passed.';
comment on column app_public.cancellation_tiers.policy is 'The policy.';
comment on column app_public.cancellation_tiers.days_before is
  'Until so many days before check-in, at the hour of check-in, local to the listing.';
comment on column app_public.cancellation_tiers.percent is
  'How much of the price of the nights is given back, 1 to 100.';

-- What a client is told: the code, and the sentence.
comment on constraint cancellation_tiers_days_before_fit on app_public.cancellation_tiers is
  'INTERNAL: A tier begins at most a year before check-in.';
comment on constraint cancellation_tiers_percent_fits on app_public.cancellation_tiers is
  'INTERNAL: A tier gives back 1 to 100 percent.';
--! EndIncluded bookings/tables/cancellation_tiers.sql
--! Included bookings/tables/cancellations.sql
/*
 * What was decided when a paid booking was cancelled: who did it, why, and what became of the
 * money. It stands, like the price that was sold.
 */
create table if not exists app_public.cancellations (
  booking_id uuid not null
    constraint cancellations_pkey primary key
    constraint cancellations_booking_id_fkey references app_public.bookings on delete restrict,
  actor app_public.booking_actor not null,
  actor_id uuid constraint cancellations_actor_id_fkey
    references app_public.users on delete set null,
  reason app_public.prose not null default '',
  basis app_public.cancellation_basis not null,
  nights_percent smallint not null,
  currency text not null
    constraint cancellations_currency_fkey references app_public.currencies on delete restrict,
  refund_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  created_at timestamptz not null default app_hidden.clock(),

  constraint cancellations_nights_percent_fits check (nights_percent between 0 and 100),
  constraint cancellations_amounts_are_not_negative check (refund_amount >= 0),
  constraint cancellations_reason_is_bounded check (length(reason) <= 1000)
);

alter table app_public.cancellations enable row level security;
alter table app_public.cancellations force row level security;

create index if not exists cancellations_actor_id_idx on app_public.cancellations (actor_id);
create index if not exists cancellations_currency_idx on app_public.cancellations (currency);

create or replace trigger _100_immutable
  before update of booking_id, actor, reason, basis, nights_percent, currency, refund_amount,
    host_amount, platform_amount, created_at
  on app_public.cancellations
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_kept
  before delete on app_public.cancellations
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.cancellations is
  'What was decided when a paid booking was cancelled, for its guest and its host.';
comment on column app_public.cancellations.booking_id is 'The booking.';
comment on column app_public.cancellations.actor is 'In which role somebody cancelled.';
comment on column app_public.cancellations.actor_id is 'Who cancelled.';
comment on column app_public.cancellations.reason is 'Why, where somebody said.';
comment on column app_public.cancellations.basis is 'Why so much goes back.';
comment on column app_public.cancellations.nights_percent is
  'How much of the price of the nights goes back, 0 to 100.';
comment on column app_public.cancellations.currency is 'ISO 4217 currency.';
comment on column app_public.cancellations.refund_amount is
  'What goes back to the guest, in minor units.';
comment on column app_public.cancellations.host_amount is 'What the host keeps, in minor units.';
comment on column app_public.cancellations.platform_amount is
  'What the platform keeps, in minor units; below zero where it has given back more than its '
  'share.';
comment on column app_public.cancellations.created_at is 'When it was cancelled.';

-- What a client is told: the code, and the sentence.
comment on constraint cancellations_nights_percent_fits on app_public.cancellations is
  'INVALID_INPUT: Between 0 and 100 percent are given back.';
comment on constraint cancellations_amounts_are_not_negative on app_public.cancellations is
  'INTERNAL: A cancellation takes no money from the guest.';
comment on constraint cancellations_reason_is_bounded on app_public.cancellations is
  'INVALID_INPUT: A reason has at most 1000 characters.';
--! EndIncluded bookings/tables/cancellations.sql
--! Included bookings/tables/cancellation_line_items.sql
create table if not exists app_public.cancellation_line_items (
  booking_id uuid not null
    constraint cancellation_line_items_booking_id_fkey
    references app_public.cancellations on delete restrict,
  position smallint not null,
  code text not null,
  rule text not null,
  currency text not null
    constraint cancellation_line_items_currency_fkey
    references app_public.currencies on delete restrict,
  amount bigint not null,
  refund_amount bigint not null,
  kept_amount bigint not null,
  payer app_public.party not null,
  payee app_public.party not null,
  basis app_public.cancellation_basis not null,

  constraint cancellation_line_items_pkey primary key (booking_id, position),
  constraint cancellation_line_items_parts_sum check (
    refund_amount >= 0 and kept_amount >= 0 and refund_amount + kept_amount = amount
  )
);

alter table app_public.cancellation_line_items enable row level security;
alter table app_public.cancellation_line_items force row level security;

create index if not exists cancellation_line_items_currency_idx
  on app_public.cancellation_line_items (currency);

create or replace trigger _100_immutable
  before update or delete on app_public.cancellation_line_items
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.cancellation_line_items is
  'A line item of a booking that was cancelled: what goes back, and what is kept.';
comment on column app_public.cancellation_line_items.booking_id is 'The booking.';
comment on column app_public.cancellation_line_items.position is
  'Order within the cancellation, from 1.';
comment on column app_public.cancellation_line_items.code is
  'What was paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.cancellation_line_items.rule is 'The rule that made the price.';
comment on column app_public.cancellation_line_items.currency is 'ISO 4217 currency.';
comment on column app_public.cancellation_line_items.amount is 'What was sold, in minor units.';
comment on column app_public.cancellation_line_items.refund_amount is
  'What goes back to the payer, in minor units.';
comment on column app_public.cancellation_line_items.kept_amount is
  'What the payee keeps, in minor units.';
comment on column app_public.cancellation_line_items.payer is 'Who paid it.';
comment on column app_public.cancellation_line_items.payee is 'Who received it.';
comment on column app_public.cancellation_line_items.basis is 'Why so much goes back.';

-- What a client is told: the code, and the sentence.
comment on constraint cancellation_line_items_parts_sum on app_public.cancellation_line_items is
  'INTERNAL: What goes back and what is kept of a line are the line.';
--! EndIncluded bookings/tables/cancellation_line_items.sql
--! Included bookings/policies/cancellation_tiers.sql
select app_hidden.drop_policies('app_public.cancellation_tiers');

create policy select_all on app_public.cancellation_tiers for select to :DATABASE_VISITOR
  using (true);

grant select on app_public.cancellation_tiers to :DATABASE_VISITOR;
-- No insert, update or delete: a policy comes with a migration.
--! EndIncluded bookings/policies/cancellation_tiers.sql
--! Included bookings/data/cancellation_tiers.sql
-- A policy that has no row here gives nothing back for the nights.
insert into app_public.cancellation_tiers (policy, days_before, percent)
values
  ('flexible', 1, 100),
  ('moderate', 5, 100),
  ('moderate', 1, 50),
  ('firm', 30, 100),
  ('firm', 7, 50),
  ('strict', 7, 50)
on conflict on constraint cancellation_tiers_pkey do nothing;
--! EndIncluded bookings/data/cancellation_tiers.sql
--! Included bookings/policies/cancellations.sql
select app_hidden.drop_policies('app_public.cancellations');

-- Whoever sees the booking sees what became of it.
create policy select_visible on app_public.cancellations for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.cancellations to :DATABASE_VISITOR;
--! EndIncluded bookings/policies/cancellations.sql
--! Included bookings/policies/cancellation_line_items.sql
select app_hidden.drop_policies('app_public.cancellation_line_items');

-- Whoever sees the booking sees what became of it.
create policy select_visible on app_public.cancellation_line_items for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.cancellation_line_items to :DATABASE_VISITOR;
--! EndIncluded bookings/policies/cancellation_line_items.sql
--! Included bookings/data/booking_transitions.sql
insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
values
  ('pending_payment', 'confirmed', 'system', 'none'),
  ('pending_payment', 'requested', 'system', 'none'),
  ('pending_payment', 'expired', 'system', 'after_hold'),
  ('pending_payment', 'cancelled', 'guest', 'none'),
  ('pending_payment', 'cancelled', 'operator', 'none'),
  ('requested', 'confirmed', 'host', 'before_check_out'),
  ('requested', 'declined', 'host', 'none'),
  ('requested', 'expired', 'system', 'none'),
  ('requested', 'cancelled', 'guest', 'none'),
  ('requested', 'cancelled', 'operator', 'none'),
  -- Money came after the hold had expired, and the nights could be taken again.
  ('expired', 'confirmed', 'system', 'until_check_in'),
  ('confirmed', 'cancelled', 'guest', 'before_check_out'),
  ('confirmed', 'cancelled', 'host', 'before_check_out'),
  ('confirmed', 'cancelled', 'operator', 'none'),
  ('confirmed', 'completed', 'system', 'after_check_out')
on conflict (from_status, to_status, actor) do update set deadline = excluded.deadline;
--! EndIncluded bookings/data/booking_transitions.sql

-- What was booked before takes what the listing says today, which is all that is known.
alter table app_public.bookings
  add column if not exists check_in_from time,
  add column if not exists house_rules app_public.prose;
update app_public.bookings b
set check_in_from = l.check_in_from, house_rules = l.house_rules
from app_public.listings l
where l.id = b.listing_id and b.check_in_from is null;
set constraints all immediate;
alter table app_public.bookings alter column check_in_from set not null;
set constraints all deferred;
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
comment on column app_public.bookings.check_in_from is
  'Local time from which the guest may arrive, as it was when the stay was booked.';
comment on column app_public.bookings.house_rules is
  'The house rules that the guest accepted, plain text.';
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
--! Included bookings/internal/require_own_booking.sql
/*
 * A booking of whoever is signed in, as its guest or its host; for all others it is not there.
 * Nothing is locked: nobody holds up a booking that is not theirs.
 */
create or replace function app_hidden.require_own_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = require_own_booking.booking_id and v_user_id in (b.guest_id, b.host_id);
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_own_booking(uuid) is
  'The booking of the guest or host who is signed in; BOOKING_NOT_FOUND otherwise.';
--! EndIncluded bookings/internal/require_own_booking.sql
--! Included bookings/internal/require_guest_booking.sql
/*
 * A booking of whoever is signed in, as its guest. Its host sees it, and is told that this is the
 * guest's to do; for all others it is not there.
 */
create or replace function app_hidden.require_guest_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(require_guest_booking.booking_id);
begin
  if v_booking.guest_id <> app_hidden.require_user_id() then
    raise exception 'This is for the guest of the stay to do.'
      using errcode = 'SBG02', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_guest_booking(uuid) is
  'The booking of the guest who is signed in; BOOKING_NOT_FOUND or FORBIDDEN otherwise.';
--! EndIncluded bookings/internal/require_guest_booking.sql
--! Included bookings/internal/require_host_booking.sql
/*
 * A booking of whoever is signed in, as its host. Its guest sees it, and is told that this is the
 * host's to do; for all others it is not there.
 */
create or replace function app_hidden.require_host_booking(booking_id uuid)
returns app_public.bookings
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(require_host_booking.booking_id);
begin
  if v_booking.host_id <> app_hidden.require_user_id() then
    raise exception 'This is for the host of the stay to do.'
      using errcode = 'SBG02', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.require_host_booking(uuid) is
  'The booking of the host who is signed in; BOOKING_NOT_FOUND or FORBIDDEN otherwise.';
--! EndIncluded bookings/internal/require_host_booking.sql
--! Included bookings/internal/check_in_instant.sql
create or replace function app_hidden.check_in_instant(
  booking app_public.bookings, days_before integer
) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (booking.check_in - days_before + booking.check_in_from) at time zone booking.time_zone
$$;

comment on function app_hidden.check_in_instant(app_public.bookings, integer) is
  'The hour of check-in, so many local days before the check-in of a booking.';
--! EndIncluded bookings/internal/check_in_instant.sql
--! Included bookings/internal/policy_refund.sql
/*
 * What a guest who cancels now is given back under the policy of the booking. The times are those
 * at which the guest may arrive, on the day of check-in or so many days before, local to the
 * listing; who cancels at that instant is still in time.
 *
 * The grace period, for every policy: a day after the booking was confirmed, where check-in is
 * still seven days off. The cleaning fee is given back until check-in.
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
--! Included bookings/mutations/create_booking.sql
/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms.
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
  if v_listing.booking_mode <> 'instant' then
    raise exception 'This host takes requests, which cannot be booked at once.'
      using errcode = 'SBB05', column = 'quote_id';
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
    cancellation_policy, time_zone, hold_expires_at, check_in_from, house_rules
  )
  values (
    v_booking_id, v_quote.listing_id, v_claim.unit_number, v_listing.host_id, v_user_id,
    v_quote.id, create_booking.idempotency_key, v_quote.check_in, v_quote.check_out,
    v_quote.guests, v_quote.currency, v_quote.total_amount, v_quote.host_amount,
    v_quote.platform_amount, v_quote.cancellation_policy, v_listing.time_zone,
    v_claim.expires_at, v_listing.check_in_from, v_listing.house_rules
  )
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.create_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.create_booking(uuid, text) is
  'Books a quote as it stands and holds the nights for 15 minutes; pay by POST '
  '/v1/bookings/{id}/payment. A repeated call with the same key returns the same booking.';
--! EndIncluded bookings/mutations/create_booking.sql

alter table app_public.ledger_transactions
  drop constraint if exists ledger_transactions_kind_is_known;
alter table app_public.ledger_transactions add constraint ledger_transactions_kind_is_known check (
  kind in (
    'charge', 'late_charge', 'cancellation', 'goodwill', 'refund', 'refund_failure',
    'foreign_refund', 'settlement'
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

  constraint ledger_transactions_external_fact_key unique (external_fact),
  constraint ledger_transactions_kind_is_known check (
    kind in (
      'charge', 'late_charge', 'cancellation', 'goodwill', 'refund', 'refund_failure',
      'foreign_refund', 'settlement'
    )
  )
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
  'charge, late_charge, cancellation, goodwill, refund, refund_failure, foreign_refund or '
  'settlement.';
comment on column app_public.ledger_transactions.booking_id is 'The booking it is about.';
comment on column app_public.ledger_transactions.created_at is 'When it was written down.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_transactions_external_fact_key on app_public.ledger_transactions is
  'INTERNAL: What happened outside is in the ledger once.';
comment on constraint ledger_transactions_kind_is_known on app_public.ledger_transactions is
  'INTERNAL: The ledger knows this kind of transaction.';
--! EndIncluded ledger/tables/ledger_transactions.sql
--! Included ledger/internal/booking_balance.sql
create or replace function app_hidden.booking_balance(
  booking_id uuid, kind app_public.ledger_account_kind
) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(-sum(e.amount), 0)::bigint
  from app_public.ledger_transactions t
  join app_public.ledger_entries e on e.transaction_id = t.id
  join app_public.ledger_accounts a on a.id = e.account_id
  where t.booking_id = booking_balance.booking_id and a.kind = booking_balance.kind
$$;

comment on function app_hidden.booking_balance(uuid, app_public.ledger_account_kind) is
  'What the accounts of that kind hold of a booking, in minor units; what we owe is positive.';
--! EndIncluded ledger/internal/booking_balance.sql

--! Included payments/types/refund_reason.sql
do $$
begin
  create type app_public.refund_reason as enum (
    'late_payment', 'guest_cancelled', 'host_cancelled', 'operator_cancelled', 'goodwill',
    'made_at_stripe', 'unknown_charge'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.refund_reason is 'Why money is given back.';
--! EndIncluded payments/types/refund_reason.sql
--! Included payments/types/refund_origin.sql
do $$
begin
  create type app_public.refund_origin as enum ('ours', 'stripe');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.refund_origin is
  'Whether we decided on a refund, or somebody made it at Stripe, such as on its Dashboard.';
--! EndIncluded payments/types/refund_origin.sql
-- So far money was given back only where it had come too late.
alter table app_public.refunds
  add column if not exists reason_code app_public.refund_reason not null default 'late_payment',
  add column if not exists origin app_public.refund_origin not null default 'ours',
  add column if not exists actor app_public.booking_actor not null default 'system',
  add column if not exists actor_id uuid constraint refunds_actor_id_fkey
    references app_public.users on delete set null,
  add column if not exists replaces_id uuid
    constraint refunds_replaces_id_fkey references app_public.refunds on delete restrict,
  add column if not exists resolved_at timestamptz,
  add column if not exists needs_attention boolean not null generated always as (
    status = 'failed' and origin = 'ours' and resolved_at is null
  ) stored;
alter table app_public.refunds alter column reason_code drop default;
alter table app_public.refunds
  drop constraint if exists refunds_replaces_id_key,
  drop constraint if exists refunds_resolved_has_failed;
alter table app_public.refunds
  add constraint refunds_replaces_id_key unique (replaces_id),
  add constraint refunds_resolved_has_failed check (resolved_at is null or status = 'failed');
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

  constraint refunds_replaces_id_key unique (replaces_id),
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
comment on column app_public.refunds.created_at is 'When it was decided.';
comment on column app_public.refunds.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint refunds_stripe_refund_id_key on app_public.refunds is
  'INTERNAL: A refund at Stripe is one of ours.';
comment on constraint refunds_amount_is_positive on app_public.refunds is
  'INTERNAL: A refund is more than zero.';
comment on constraint refunds_replaces_id_key on app_public.refunds is
  'INTERNAL: A refund that has failed is repeated once.';
comment on constraint refunds_resolved_has_failed on app_public.refunds is
  'INTERNAL: Only a refund that has failed is settled otherwise.';
--! EndIncluded payments/tables/refunds.sql

--! Included checkout/internal/queue_refund.sql
/*
 * Decides that a guest is given back an amount of a booking, from its newest payment to its oldest,
 * and queues the jobs that ask Stripe. The debt to the guest is in guest_payable already: the
 * caller has posted it in this transaction, and holds the lock on the booking.
 */
create or replace function app_hidden.queue_refund(
  booking_id uuid,
  amount bigint,
  reason_code app_public.refund_reason,
  reason text,
  actor app_public.booking_actor,
  actor_id uuid default null
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_left bigint := queue_refund.amount;
  v_payment record;
  v_refund_id uuid;
begin
  for v_payment in
    select p.id, p.currency, p.captured_amount - coalesce((
      select sum(r.amount) from app_public.refunds r
      where r.payment_id = p.id and r.status <> 'failed'
    ), 0) as refundable
    from app_public.payments p
    where p.booking_id = queue_refund.booking_id and p.captured_amount > 0
    order by p.id desc
  loop
    continue when v_payment.refundable <= 0;
    exit when v_left = 0;
    insert into app_public.refunds (
      payment_id, reason_code, reason, currency, amount, actor, actor_id
    )
    values (
      v_payment.id, queue_refund.reason_code, queue_refund.reason, v_payment.currency,
      least(v_left, v_payment.refundable), queue_refund.actor, queue_refund.actor_id
    )
    returning id into v_refund_id;
    v_left := v_left - least(v_left, v_payment.refundable);
    perform app_hidden.add_job(
      'refund__create', jsonb_build_object('refundId', v_refund_id), 'refund:' || v_refund_id,
      max_attempts => 25
    );
  end loop;
  if v_left > 0 then
    raise exception 'The payments of this booking do not hold so much.'
      using errcode = 'SBM04', column = 'amount';
  end if;
end
$$;

comment on function app_hidden.queue_refund(
  uuid, bigint, app_public.refund_reason, text, app_public.booking_actor, uuid
) is 'Decides on refunds of a booking, newest payment first, and queues their jobs.';
--! EndIncluded checkout/internal/queue_refund.sql
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

  perform app_hidden.queue_refund(
    booking.id, payment.amount, 'late_payment', 'The payment came after the hold had expired.',
    'system'
  );
  return 'refunding';
end
$$;

comment on function app_hidden.record_capture(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
--! EndIncluded checkout/internal/record_capture.sql
--! Included checkout/types/cancellation_line.sql
do $$
begin
  create type app_public.cancellation_line as (
    code text,
    rule text,
    currency text,
    amount bigint,
    refund_amount bigint,
    kept_amount bigint,
    payer app_public.party,
    payee app_public.party,
    basis app_public.cancellation_basis
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cancellation_line is
  'A line item of a stay that is cancelled: what goes back to its payer, and what is kept.';
comment on column app_public.cancellation_line.code is
  'What was paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.cancellation_line.rule is 'The rule that made the price.';
comment on column app_public.cancellation_line.currency is 'ISO 4217 currency.';
comment on column app_public.cancellation_line.amount is 'What was sold, in minor units.';
comment on column app_public.cancellation_line.refund_amount is
  'What goes back to the payer, in minor units.';
comment on column app_public.cancellation_line.kept_amount is
  'What the payee keeps, in minor units.';
comment on column app_public.cancellation_line.payer is 'Who paid it.';
comment on column app_public.cancellation_line.payee is 'Who received it.';
comment on column app_public.cancellation_line.basis is 'Why so much goes back.';
--! EndIncluded checkout/types/cancellation_line.sql
--! Included checkout/types/cancellation_terms.sql
do $$
begin
  create type app_public.cancellation_terms as (
    booking_id uuid,
    policy app_public.cancellation_policy,
    basis app_public.cancellation_basis,
    nights_percent integer,
    holds_until timestamptz,
    currency text,
    paid_amount bigint,
    refunded_before_amount bigint,
    refund_amount bigint,
    kept_amount bigint,
    host_amount bigint,
    platform_amount bigint,
    line_items app_public.cancellation_line[]
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cancellation_terms is
  'What cancelling a booking does to its money, if it is done now.';
comment on column app_public.cancellation_terms.booking_id is 'The booking.';
comment on column app_public.cancellation_terms.policy is 'The policy the stay was sold under.';
comment on column app_public.cancellation_terms.basis is 'Why so much goes back.';
comment on column app_public.cancellation_terms.nights_percent is
  'How much of the price of the nights goes back, 0 to 100.';
comment on column app_public.cancellation_terms.holds_until is
  'The last instant at which this holds; empty where it does not depend on the time any more.';
comment on column app_public.cancellation_terms.currency is 'ISO 4217 currency.';
comment on column app_public.cancellation_terms.paid_amount is
  'What the guest has paid, in minor units.';
comment on column app_public.cancellation_terms.refunded_before_amount is
  'What was given back before, or is on its way, in minor units.';
comment on column app_public.cancellation_terms.refund_amount is
  'What goes back now, in minor units: the sum of the guest''s lines, and at most what is left.';
comment on column app_public.cancellation_terms.kept_amount is
  'What the guest does not get back, in minor units.';
comment on column app_public.cancellation_terms.host_amount is
  'What the host keeps of it, in minor units.';
comment on column app_public.cancellation_terms.platform_amount is
  'What the platform keeps of it, in minor units; below zero where the platform has given back '
  'more than its share.';
comment on column app_public.cancellation_terms.line_items is
  'Line by line: what goes back, what is kept, and why.';
--! EndIncluded checkout/types/cancellation_terms.sql
--! Included checkout/internal/cancellation_lines.sql
/*
 * The line items of a booking, split into what goes back and what is kept. The cleaning fee and the
 * rest of the host's price have a percent each; the guest's service fee and the host's commission
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
      when s.code = 'cleaning_fee' and cancellation_lines.basis = 'policy' then 'before_check_in'
      else cancellation_lines.basis
    end::app_public.cancellation_basis
  from split s
  order by s.position
$$;

comment on function app_hidden.cancellation_lines(
  app_public.bookings, app_public.cancellation_basis, integer, integer
) is 'What goes back and what is kept of each line item of a booking.';
--! EndIncluded checkout/internal/cancellation_lines.sql
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
--! Included checkout/queries/cancellation_preview.sql
create or replace function app_public.cancellation_preview(booking_id uuid)
returns app_public.cancellation_terms
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(cancellation_preview.booking_id);
begin
  return app_hidden.cancellation_terms(
    v_booking,
    case app_hidden.require_user_id()
      when v_booking.host_id then 'host' else 'guest'
    end::app_public.booking_actor
  );
end
$$;

grant execute on function app_public.cancellation_preview(uuid) to :DATABASE_VISITOR;

comment on function app_public.cancellation_preview(uuid) is
  'What goes back to the guest, line by line, what is kept and why, if whoever asks cancels the '
  'booking now. Cancelling does exactly that.';
--! EndIncluded checkout/queries/cancellation_preview.sql
--! Included checkout/internal/settle_cancellation.sql
/*
 * Cancels a booking, paid or not, and does what its terms say: the shares of host and platform that
 * go back move to guest_payable, and refunds are decided, all in this transaction. So a refund that
 * fails later leaves a debt that can be seen. The caller holds the locks on units and booking.
 */
create or replace function app_hidden.settle_cancellation(
  booking app_public.bookings,
  actor app_public.booking_actor,
  reason text,
  percent integer default null
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_terms app_public.cancellation_terms :=
    app_hidden.cancellation_terms(booking, actor, percent);
  v_booking app_public.bookings;
  v_actor_id uuid := app_hidden.require_user_id();
  v_host_gives bigint;
begin
  update app_public.bookings b
  set status = 'cancelled', status_actor = settle_cancellation.actor,
      status_reason = settle_cancellation.reason
  where b.id = booking.id
  returning * into v_booking;
  if v_terms.basis = 'not_charged' then
    return v_booking;
  end if;

  insert into app_public.cancellations (
    booking_id, actor, actor_id, reason, basis, nights_percent, currency, refund_amount,
    host_amount, platform_amount
  )
  values (
    booking.id, settle_cancellation.actor, v_actor_id, settle_cancellation.reason, v_terms.basis,
    v_terms.nights_percent, v_terms.currency, v_terms.refund_amount, v_terms.host_amount,
    v_terms.platform_amount
  );
  insert into app_public.cancellation_line_items (
    booking_id, position, code, rule, currency, amount, refund_amount, kept_amount, payer, payee,
    basis
  )
  select booking.id, l.position, l.code, l.rule, l.currency, l.amount, l.refund_amount,
    l.kept_amount, l.payer, l.payee, l.basis
  from unnest(v_terms.line_items) with ordinality l (
    code, rule, currency, amount, refund_amount, kept_amount, payer, payee, basis, position
  );

  v_host_gives := app_hidden.booking_balance(booking.id, 'host_payable') - v_terms.host_amount;
  if v_terms.refund_amount <> 0 or v_host_gives <> 0 then
    perform app_hidden.post_ledger(
      'cancellation:' || booking.id,
      'cancellation',
      booking.id,
      array[
        row('host_payable', booking.host_id, booking.currency, v_host_gives),
        row(
          'platform_revenue', null, booking.currency, v_terms.refund_amount - v_host_gives
        ),
        row('guest_payable', null, booking.currency, -v_terms.refund_amount)
      ]::app_hidden.ledger_posting[]
    );
  end if;
  if v_terms.refund_amount > 0 then
    perform app_hidden.queue_refund(
      booking.id, v_terms.refund_amount,
      (settle_cancellation.actor || '_cancelled')::app_public.refund_reason,
      case settle_cancellation.actor
        when 'guest' then 'The guest cancelled the stay.'
        when 'host' then 'The host cancelled the stay.'
        else 'The marketplace cancelled the stay.'
      end,
      settle_cancellation.actor, v_actor_id
    );
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.settle_cancellation(
  app_public.bookings, app_public.booking_actor, text, integer
) is 'Cancels a booking and settles its money as its terms say.';
--! EndIncluded checkout/internal/settle_cancellation.sql
--! Included checkout/mutations/cancel_booking.sql
/*
 * A guest or a host ends a booking. What goes back is what cancellation_preview() says in the same
 * instant. While a bank decides on the payment nobody knows what there is to give back: then it is
 * refused. Locks: the key, the units, then the booking.
 */
create or replace function app_public.cancel_booking(
  booking_id uuid, idempotency_key text, reason text default ''
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(cancel_booking.booking_id);
  v_reason app_public.prose := btrim(coalesce(cancel_booking.reason, ''));
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_once record;
begin
  if length(v_reason) > 1000 then
    raise exception 'A reason has at most 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  v_once := app_hidden.begin_once(
    cancel_booking.idempotency_key, 'cancel_booking',
    jsonb_build_object('id', v_booking.id, 'reason', v_reason)
  );
  if v_once.ran_before then
    select b.* into v_booking from app_public.bookings b where b.id = v_once.result_id;
    return v_booking;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  if v_booking.status = 'pending_payment' and exists (
    select from app_public.calendar_claims c
    where c.booking_id = v_booking.id and c.expires_at is null
  ) then
    raise exception 'The bank decides on the payment right now; try again when it has.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  v_booking := app_hidden.settle_cancellation(v_booking, v_actor, v_reason);
  perform app_hidden.end_once(cancel_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.cancel_booking(uuid, text, text) to :DATABASE_VISITOR;

comment on function app_public.cancel_booking(uuid, text, text) is
  'Ends a booking, for its guest or its host, frees its nights, and gives back what '
  'cancellationPreview says. A repeated call with the same key returns the same booking.';
--! EndIncluded checkout/mutations/cancel_booking.sql
--! Included checkout/mutations/cancel_booking_as_operator.sql
/*
 * The operator ends a booking. Without a percent the policy decides as if the guest had cancelled;
 * with one, so much of every line goes back. Locks: the key, the units, then the booking.
 */
create or replace function app_public.cancel_booking_as_operator(
  booking_id uuid, idempotency_key text, reason text, refund_percent integer default null
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_reason app_public.prose := btrim(coalesce(cancel_booking_as_operator.reason, ''));
  v_once record;
begin
  if length(v_reason) not between 1 and 1000 then
    raise exception 'Say why, in 1 to 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  if refund_percent not between 0 and 100 then
    raise exception 'Between 0 and 100 percent are given back.'
      using errcode = 'SBG04', column = 'refund_percent';
  end if;
  v_once := app_hidden.begin_once(
    cancel_booking_as_operator.idempotency_key, 'cancel_booking_as_operator',
    jsonb_build_object(
      'id', cancel_booking_as_operator.booking_id, 'reason', v_reason, 'percent', refund_percent
    )
  );
  select b.* into v_booking from app_public.bookings b
  where b.id = coalesce(v_once.result_id, cancel_booking_as_operator.booking_id);
  if v_once.ran_before then
    return v_booking;
  end if;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_booking := app_hidden.settle_cancellation(v_booking, 'operator', v_reason, refund_percent);
  perform app_hidden.end_once(cancel_booking_as_operator.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.cancel_booking_as_operator(uuid, text, text, integer)
  to :DATABASE_OPERATOR;

comment on function app_public.cancel_booking_as_operator(uuid, text, text, integer) is
  'For the operator: ends a booking with a reason, and gives back so many percent of every line, '
  'or without a percent what the policy says. A repeated call with the same key returns the same '
  'booking.';
--! EndIncluded checkout/mutations/cancel_booking_as_operator.sql

alter table app_private.mails drop constraint if exists mails_kind_is_known;
alter table app_private.mails add constraint mails_kind_is_known check (
  kind in (
    'booking_confirmed_guest', 'booking_confirmed_host', 'booking_cancelled_guest',
    'booking_cancelled_host', 'late_payment_refunded', 'refund_sent', 'refund_failed',
    'booking_requested_host', 'request_ended_guest'
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
      'booking_requested_host', 'request_ended_guest'
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
  out refund_amount bigint, out refund_reason text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, c.email, u.display_name, o.display_name, b.id, l.title, l.city,
    b.check_in, b.check_out, b.guests, b.currency, cu.exponent, b.total_amount, b.host_amount,
    a.street, ca.actor::text, ca.reason, ca.host_amount, coalesce(r.amount, ca.refund_amount),
    r.reason
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
