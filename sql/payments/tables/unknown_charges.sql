/*
 * Money that Stripe took under the name of one of our payments or bookings, and that none of them
 * asked for: an intent of another amount, or a second one. It is given back, and shown to the
 * operator: somebody has our key, or something is wrong.
 */
create table if not exists app_public.unknown_charges (
  id uuid not null default uuidv7() constraint unknown_charges_pkey primary key,
  stripe_payment_intent_id text not null,
  stripe_charge_id text not null,
  payment_id uuid
    constraint unknown_charges_payment_id_fkey references app_public.payments on delete restrict,
  booking_id uuid
    constraint unknown_charges_booking_id_fkey references app_public.bookings on delete restrict,
  currency text not null
    constraint unknown_charges_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  status app_public.refund_status not null default 'requested',
  stripe_refund_id text,
  failure_code text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint unknown_charges_stripe_payment_intent_id_key unique (stripe_payment_intent_id),
  constraint unknown_charges_stripe_charge_id_key unique (stripe_charge_id),
  constraint unknown_charges_amount_is_positive check (amount > 0)
);

alter table app_public.unknown_charges enable row level security;
alter table app_public.unknown_charges force row level security;

create index if not exists unknown_charges_payment_id_idx
  on app_public.unknown_charges (payment_id);
create index if not exists unknown_charges_booking_id_idx
  on app_public.unknown_charges (booking_id);
create index if not exists unknown_charges_currency_idx on app_public.unknown_charges (currency);

create or replace trigger _100_touch
  before update on app_public.unknown_charges
  for each row execute function app_hidden.tg__touch();
create or replace trigger _110_immutable
  before update of id, stripe_payment_intent_id, stripe_charge_id, currency, amount
  on app_public.unknown_charges
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _120_kept
  before delete on app_public.unknown_charges
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.unknown_charges is
  'Money that was taken in our name and that no booking asked for; it is given back. For the '
  'operator.';
comment on column app_public.unknown_charges.id is 'Public id of the charge.';
comment on column app_public.unknown_charges.stripe_payment_intent_id is
  'Stripe''s id of the intent.';
comment on column app_public.unknown_charges.stripe_charge_id is 'Stripe''s id of the charge.';
comment on column app_public.unknown_charges.payment_id is 'The payment that it names as its own.';
comment on column app_public.unknown_charges.booking_id is 'The booking that it names as its own.';
comment on column app_public.unknown_charges.currency is 'ISO 4217 currency.';
comment on column app_public.unknown_charges.amount is 'What was taken, in minor units.';
comment on column app_public.unknown_charges.status is 'Where its refund is.';
comment on column app_public.unknown_charges.stripe_refund_id is 'Stripe''s id of the refund.';
comment on column app_public.unknown_charges.failure_code is
  'Why the refund failed, in Stripe''s words.';
comment on column app_public.unknown_charges.created_at is 'When it was found.';
comment on column app_public.unknown_charges.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint unknown_charges_stripe_payment_intent_id_key on app_public.unknown_charges is
  'INTERNAL: An unknown charge is written down once.';
comment on constraint unknown_charges_stripe_charge_id_key on app_public.unknown_charges is
  'INTERNAL: An unknown charge is written down once.';
comment on constraint unknown_charges_amount_is_positive on app_public.unknown_charges is
  'INTERNAL: A charge is more than zero.';
