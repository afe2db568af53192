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
