--! Previous: sha1:eae098eba4c70dd4a317916abefac09b1c781336
--! Hash: sha1:abe1b3bc5aa3b055f36239fe5ee83a17354d20c2
--! Message: count the attempts of payments

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +44 -31 foundation/currencies.sql
--   +4 -0   bookings/tables/bookings.sql
--   new     payments/types/payment_purpose.sql
--   +33 -6  payments/tables/payments.sql
--   new     payments/tables/stripe_customers.sql
--   new     payments/policies/stripe_customers.sql
--   new     payments/internal/next_attempt.sql
--   new     payments/server/note_stripe_customer.sql
--   new     payments/server/stripe_customer_of.sql
--   new     payments/server/give_up_attempt.sql
--   new     checkout/internal/require_payable.sql
--   +13 -22 checkout/server/begin_payment.sql
--   +2 -2   checkout/internal/record_capture.sql
--   +3 -4   checkout/internal/ledger_transaction_faults.sql
-- (npm run db:commit wrote these lines.)

alter table app_public.currencies
  add column if not exists payout_step smallint not null default 1;
alter table app_public.currencies
  drop constraint if exists currencies_charge_step_fits_exponent,
  drop constraint if exists currencies_payout_step_fits_charge_step;
update app_public.currencies set payout_step = charge_step where payout_step % charge_step <> 0;
alter table app_public.currencies
  add constraint currencies_charge_step_fits_exponent check (
    charge_step = case exponent when 3 then 10 else 1 end or (exponent = 2 and charge_step = 100)
  ),
  add constraint currencies_payout_step_fits_charge_step check (payout_step % charge_step = 0);
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
  payout_step smallint not null default 1,

  constraint currencies_number_key unique (number),
  constraint currencies_code_is_iso_4217 check (code ~ '^[A-Z]{3}$'),
  constraint currencies_exponent_is_known check (exponent in (0, 2, 3)),
  -- Card networks settle three-decimal currencies in tens of the minor unit. A few currencies have
  -- two decimals at Stripe that are always zero.
  constraint currencies_charge_step_fits_exponent check (
    charge_step = case exponent when 3 then 10 else 1 end or (exponent = 2 and charge_step = 100)
  ),
  constraint currencies_payout_step_fits_charge_step check (payout_step % charge_step = 0),
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
comment on column app_public.currencies.payout_step is
  'Amounts that are paid out to banks are multiples of this, in minor units.';
comment on column app_public.currencies.minimum_charge_amount is
  'The least that a card can be charged, in minor units.';
comment on column app_public.currencies.maximum_charge_amount is
  'The most that a card can be charged at once, in minor units.';

select app_hidden.drop_policies('app_public.currencies');
create policy select_all on app_public.currencies for select to :DATABASE_VISITOR using (true);
grant select on app_public.currencies to :DATABASE_VISITOR;
-- No insert, update or delete: a currency comes with a migration.

insert into app_public.currencies (
  code, number, name, exponent, charge_step, minimum_charge_amount, payout_step
)
values
  ('AED', 784, 'UAE dirham', 2, 1, 200, 1),
  ('AUD', 36, 'Australian dollar', 2, 1, 50, 1),
  ('BRL', 986, 'Brazilian real', 2, 1, 50, 1),
  ('CAD', 124, 'Canadian dollar', 2, 1, 50, 1),
  ('CHF', 756, 'Swiss franc', 2, 1, 50, 1),
  ('CZK', 203, 'Czech koruna', 2, 1, 1500, 1),
  ('DKK', 208, 'Danish krone', 2, 1, 250, 1),
  ('EUR', 978, 'Euro', 2, 1, 50, 1),
  ('GBP', 826, 'Pound sterling', 2, 1, 30, 1),
  ('HKD', 344, 'Hong Kong dollar', 2, 1, 400, 1),
  ('HUF', 348, 'Hungarian forint', 2, 1, 17500, 100),
  ('INR', 356, 'Indian rupee', 2, 1, 50, 1),
  ('ISK', 352, 'Icelandic krona', 2, 100, 7500, 100),
  ('JPY', 392, 'Japanese yen', 0, 1, 50, 1),
  ('KRW', 410, 'South Korean won', 0, 1, 500, 1),
  ('KWD', 414, 'Kuwaiti dinar', 3, 10, 200, 10),
  ('MXN', 484, 'Mexican peso', 2, 1, 1000, 1),
  ('NOK', 578, 'Norwegian krone', 2, 1, 300, 1),
  ('NZD', 554, 'New Zealand dollar', 2, 1, 50, 1),
  ('PLN', 985, 'Polish zloty', 2, 1, 200, 1),
  ('SEK', 752, 'Swedish krona', 2, 1, 300, 1),
  ('SGD', 702, 'Singapore dollar', 2, 1, 50, 1),
  ('THB', 764, 'Thai baht', 2, 1, 1000, 1),
  ('TND', 788, 'Tunisian dinar', 3, 10, 2000, 10),
  ('TRY', 949, 'Turkish lira', 2, 1, 2000, 1),
  ('UGX', 800, 'Ugandan shilling', 2, 100, 200000, 100),
  ('USD', 840, 'US dollar', 2, 1, 50, 1),
  ('ZAR', 710, 'South African rand', 2, 1, 1000, 1)
on conflict (code) do update
  set number = excluded.number, name = excluded.name, exponent = excluded.exponent,
      charge_step = excluded.charge_step, minimum_charge_amount = excluded.minimum_charge_amount,
      payout_step = excluded.payout_step;

-- What a client is told: the code, and the sentence.
comment on constraint currencies_number_key on app_public.currencies is
  'INTERNAL: A currency has a number of its own.';
comment on constraint currencies_code_is_iso_4217 on app_public.currencies is
  'INTERNAL: A currency has a code of three capital letters.';
comment on constraint currencies_exponent_is_known on app_public.currencies is
  'INTERNAL: A currency has 0, 2 or 3 decimals.';
comment on constraint currencies_charge_step_fits_exponent on app_public.currencies is
  'INTERNAL: The step of a charge fits the currency.';
comment on constraint currencies_payout_step_fits_charge_step on app_public.currencies is
  'INTERNAL: What can be paid out can be charged.';
comment on constraint currencies_charge_amounts_are_ordered on app_public.currencies is
  'INTERNAL: The smallest charge is less than the largest.';
--! EndIncluded foundation/currencies.sql
alter table app_public.payments drop constraint if exists payments_booking_currency_fkey;
alter table app_public.bookings drop constraint if exists bookings_currency_key;
alter table app_public.bookings add constraint bookings_currency_key unique (id, currency);
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

  -- What hangs on a booking is in its currency.
  constraint bookings_currency_key unique (id, currency),
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
comment on constraint bookings_guest_is_not_host on app_public.bookings is
  'OWN_LISTING: Hosts do not book their own listing.';
comment on constraint bookings_request_has_deadline on app_public.bookings is
  'INTERNAL: A host has until an instant to answer a request.';
comment on constraint bookings_shares_sum on app_public.bookings is
  'INTERNAL: The shares of a booking are its total.';
comment on constraint bookings_amounts_are_not_negative on app_public.bookings is
  'INTERNAL: A booking has a price, and shares that are not negative.';
--! EndIncluded bookings/tables/bookings.sql
--! Included payments/types/payment_purpose.sql
do $$
begin
  create type app_public.payment_purpose as enum (
    'stay', 'alteration', 'instalment', 'deposit', 'damage'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.payment_purpose is 'What a payment is for.';
--! EndIncluded payments/types/payment_purpose.sql
alter table app_public.payments
  add column if not exists purpose app_public.payment_purpose not null default 'stay',
  add column if not exists sequence smallint not null default 1,
  add column if not exists attempt smallint not null default 1,
  add column if not exists stripe_customer_id text,
  add column if not exists host_amount bigint,
  add column if not exists platform_amount bigint;
update app_public.payments p
set host_amount = b.host_amount, platform_amount = b.platform_amount
from app_public.bookings b
where b.id = p.booking_id and p.host_amount is null;
-- Each of several payments that came to nothing was an attempt of one; they stay as they are.
with numbered as (
  select p.id, row_number() over (
    partition by p.booking_id order by p.status in ('failed', 'cancelled'), p.id
  ) as sequence
  from app_public.payments p
)
update app_public.payments p set sequence = n.sequence
from numbered n where n.id = p.id and n.sequence > 1;
alter table app_public.payments
  alter column host_amount set not null,
  alter column platform_amount set not null;
alter table app_public.payments
  drop constraint if exists payments_numbers_are_positive,
  drop constraint if exists payments_shares_sum;
alter table app_public.payments
  add constraint payments_booking_currency_fkey foreign key (booking_id, currency)
    references app_public.bookings (id, currency) on delete restrict,
  add constraint payments_numbers_are_positive check (sequence > 0 and attempt > 0),
  add constraint payments_shares_sum check (host_amount + platform_amount = amount);
drop index if exists app_public.payments_booking_id_idx;
--! Included payments/tables/payments.sql
/*
 * A charge of a booking's guest for one purpose. The amount and whose shares it is are read from
 * the booking by the database. Stripe's intent follows the row: its id and the number of the
 * attempt are the idempotency key, for Stripe repeats what it once answered under a key.
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
  purpose app_public.payment_purpose not null default 'stay',
  sequence smallint not null default 1,
  attempt smallint not null default 1,
  stripe_customer_id text,
  host_amount bigint not null,
  platform_amount bigint not null,

  -- In the currency of its booking.
  constraint payments_booking_currency_fkey foreign key (booking_id, currency)
    references app_public.bookings (id, currency) on delete restrict,
  constraint payments_numbers_are_positive check (sequence > 0 and attempt > 0),
  constraint payments_shares_sum check (host_amount + platform_amount = amount),
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

-- M6: at most one payment of a booking and purpose is alive or has taken money.
create unique index if not exists payments_one_live_a_purpose
  on app_public.payments (booking_id, purpose, sequence)
  where status not in ('failed', 'cancelled');
-- requeue_stale_stripe() asks after payments that have been open for long.
create index if not exists payments_open_idx on app_public.payments (created_at)
  where status in ('requires_payment', 'requires_action', 'processing', 'authorised');
create index if not exists payments_booking_id_idx on app_public.payments (booking_id, currency);
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
comment on column app_public.payments.purpose is 'What it is for.';
comment on column app_public.payments.sequence is
  'Which payment of that purpose it is, from 1.';
comment on column app_public.payments.attempt is
  'How many intents were made for it; one that was cancelled at Stripe is followed by another.';
comment on column app_public.payments.stripe_customer_id is 'Stripe''s id of the guest.';
comment on column app_public.payments.host_amount is
  'What the host earns of it, in minor units.';
comment on column app_public.payments.platform_amount is
  'What the platform earns of it, in minor units.';
comment on column app_public.payments.created_at is 'When it was begun.';
comment on column app_public.payments.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint payments_stripe_payment_intent_id_key on app_public.payments is
  'INTERNAL: An intent belongs to one payment.';
comment on constraint payments_stripe_charge_id_key on app_public.payments is
  'INTERNAL: A charge belongs to one payment.';
comment on constraint payments_amounts_are_ordered on app_public.payments is
  'INTERNAL: No more is captured than asked for, and no more refunded than captured.';
comment on constraint payments_numbers_are_positive on app_public.payments is
  'INTERNAL: Payments and attempts are counted from 1.';
comment on constraint payments_shares_sum on app_public.payments is
  'INTERNAL: The shares of a payment are its amount.';
comment on constraint payments_captured_has_charge on app_public.payments is
  'INTERNAL: What is captured has a charge.';
--! EndIncluded payments/tables/payments.sql
drop index if exists app_public.payments_one_live_a_booking;
--! Included payments/tables/stripe_customers.sql
/*
 * Who a guest is to Stripe. A card that was paid with once can be charged again, without the guest,
 * only where the first intent had its customer.
 */
create table if not exists app_private.stripe_customers (
  user_id uuid constraint stripe_customers_pkey primary key
    constraint stripe_customers_user_id_fkey references app_public.users on delete cascade,
  stripe_customer_id text not null,
  created_at timestamptz not null default app_hidden.clock(),

  constraint stripe_customers_stripe_customer_id_key unique (stripe_customer_id)
);

alter table app_private.stripe_customers enable row level security;
alter table app_private.stripe_customers force row level security;

comment on table app_private.stripe_customers is 'Who a guest is to Stripe.';
--! EndIncluded payments/tables/stripe_customers.sql
--! Included payments/policies/stripe_customers.sql
select app_hidden.drop_policies('app_private.stripe_customers');
-- No policies: the functions of the server read and write it.
--! EndIncluded payments/policies/stripe_customers.sql
--! Included payments/internal/next_attempt.sql
create or replace function app_hidden.next_attempt(payment app_public.payments)
returns app_public.payments
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.payments p
  set attempt = p.attempt + 1, status = 'requires_payment', stripe_payment_intent_id = null,
      failure_code = null
  where p.id = payment.id
  returning p.*
$$;

comment on function app_hidden.next_attempt(app_public.payments) is
  'Begins the next attempt of a payment whose intent can take no money any more.';
--! EndIncluded payments/internal/next_attempt.sql
--! Included payments/server/note_stripe_customer.sql
/*
 * Notes which customer Stripe made for a guest, for good: where there is one, it stays.
 */
create or replace function app_private.note_stripe_customer(user_id uuid, stripe_customer_id text)
returns text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.stripe_customers as c (user_id, stripe_customer_id)
  values (note_stripe_customer.user_id, note_stripe_customer.stripe_customer_id)
  -- The update changes nothing; it makes the row of whoever was faster come back.
  on conflict on constraint stripe_customers_pkey do update set user_id = excluded.user_id
  returning c.stripe_customer_id
$$;

grant execute on function app_private.note_stripe_customer(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.note_stripe_customer(uuid, text) is
  'Notes Stripe''s customer of a guest; returns the one that stays.';
--! EndIncluded payments/server/note_stripe_customer.sql
--! Included payments/server/stripe_customer_of.sql
create or replace function app_private.stripe_customer_of(user_id uuid) returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.stripe_customer_id from app_private.stripe_customers c
  where c.user_id = stripe_customer_of.user_id
$$;

grant execute on function app_private.stripe_customer_of(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.stripe_customer_of(uuid) is
  'Stripe''s customer of a person; null where there is none yet.';
--! EndIncluded payments/server/stripe_customer_of.sql
--! Included payments/server/give_up_attempt.sql
/*
 * Stripe repeats a failure of its own for ever under the key of this attempt. Nobody has got the
 * secret of an intent that it may have made, so nobody can pay it: the next attempt has a key of
 * its own.
 */
create or replace function app_private.give_up_attempt(payment_id uuid, attempt smallint)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.payments p
  set attempt = p.attempt + 1
  where p.id = give_up_attempt.payment_id and p.attempt = give_up_attempt.attempt
    and p.stripe_payment_intent_id is null
$$;

grant execute on function app_private.give_up_attempt(uuid, smallint) to :DATABASE_AUTHENTICATOR;

comment on function app_private.give_up_attempt(uuid, smallint) is
  'Lets the next request to Stripe for a payment have a key of its own.';
--! EndIncluded payments/server/give_up_attempt.sql
--! Included checkout/internal/require_payable.sql
/*
 * Raises where a booking takes no payment. The caller holds the lock on the booking.
 */
create or replace function app_hidden.require_payable(booking app_public.bookings) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if booking.status in ('confirmed', 'completed') then
    raise exception 'This booking is paid.' using errcode = 'SBB06';
  end if;
  if booking.status = 'expired'
    or (booking.status = 'pending_payment' and booking.hold_expires_at <= app_hidden.clock())
  then
    raise exception 'The hold has expired; ask for a new quote.' using errcode = 'SBB07';
  end if;
  if booking.status in ('requested', 'accepted') then
    raise exception 'The money for this booking is set aside; the host is asked.'
      using errcode = 'SBB06';
  end if;
  if booking.status <> 'pending_payment' then
    raise exception 'A booking that is % cannot be paid.', booking.status using errcode = 'SBB06';
  end if;
end
$$;

comment on function app_hidden.require_payable(app_public.bookings) is
  'Raises where a booking takes no payment.';
--! EndIncluded checkout/internal/require_payable.sql
--! Included checkout/server/begin_payment.sql
/*
 * The payment of a booking that waits for it: the one there is, or a new one. An intent that was
 * cancelled at Stripe starts the next attempt of the same payment. The amount is the booking's.
 * Called by the server with the guest's claims; Stripe is asked after this has committed, with the
 * payment's id and attempt as idempotency key.
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
  perform app_hidden.require_payable(v_booking);
  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.purpose = 'stay' and p.sequence = 1;
  if v_payment.id is null then
    insert into app_public.payments (
      booking_id, currency, amount, host_amount, platform_amount, capture_method
    )
    values (
      v_booking.id, v_booking.currency, v_booking.total_amount, v_booking.host_amount,
      v_booking.platform_amount,
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
--! Included checkout/internal/ledger_transaction_faults.sql
/*
 * What is wrong with single transactions of the ledger: they do not sum to zero (M1), belong to no
 * booking, are of a charge or a refund that our rows do not know, or split a charge unlike its
 * booking.
 */
create or replace function app_hidden.ledger_transaction_faults()
returns table (finding text, booking_id uuid, id uuid, currency text, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with entries as (
    select t.id, t.kind, t.external_fact, t.booking_id, t.payment_id, t.refund_id, e.currency,
      sum(e.amount) as amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'host_payable'), 0) as host_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'platform_revenue'), 0) as platform_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'guest_payable'), 0) as guest_amount,
      coalesce(sum(e.amount) filter (where a.kind = 'stripe_balance'), 0) as stripe_amount,
      count(*) filter (where a.kind = 'host_payable' and a.user_id <> b.host_id) as others
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    left join app_public.bookings b on b.id = t.booking_id
    group by t.id, e.currency
  )
  select f.finding, e.booking_id, e.id, e.currency, f.off_by::bigint
  from entries e
  left join app_public.payments p on p.id = e.payment_id
  left join app_public.refunds r on r.id = e.refund_id
  left join app_public.payments rp on rp.id = r.payment_id
  cross join lateral (values
    ('unbalanced transaction', e.amount <> 0, e.amount),
    ('transaction without a booking',
      e.booking_id is null and e.kind <> 'unknown_charge' and not exists (
        select from app_public.unknown_charges c
        where e.external_fact like 'refund%:' || c.stripe_refund_id
      ),
      e.stripe_amount),
    ('charge without a payment',
      e.kind in ('charge', 'late_charge') and (
        'charge:' || p.stripe_charge_id is distinct from e.external_fact
        or p.booking_id is distinct from e.booking_id
        or p.captured_amount <> e.stripe_amount
      ),
      e.stripe_amount - coalesce(p.captured_amount, 0)),
    ('refund of another charge',
      e.kind in ('refund', 'refund_failure') and e.booking_id is not null and (
        r.id is null or e.external_fact not like '%:' || r.stripe_refund_id
        or rp.booking_id is distinct from e.booking_id or r.amount <> abs(e.guest_amount)
      ),
      abs(e.guest_amount)),
    ('the host''s share is not the booking''s',
      e.kind = 'charge' and e.host_amount <> p.host_amount, e.host_amount - p.host_amount),
    ('the platform''s fee is not the booking''s',
      e.kind = 'charge' and e.platform_amount <> p.platform_amount,
      e.platform_amount - p.platform_amount),
    ('earnings of another host', e.others > 0, e.host_amount)
  ) f (finding, applies, off_by)
  where f.applies
$$;

comment on function app_hidden.ledger_transaction_faults() is
  'What is wrong with single transactions of the ledger.';
--! EndIncluded checkout/internal/ledger_transaction_faults.sql
