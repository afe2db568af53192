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
  asked_at timestamptz,

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
create index if not exists payments_open_idx
  on app_public.payments (coalesce(asked_at, created_at))
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
comment on column app_public.payments.asked_at is 'When Stripe was last asked after it, unbidden.';
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
