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
