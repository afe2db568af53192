create table if not exists app_public.quote_line_items (
  quote_id uuid not null,
  position smallint not null,
  code text not null,
  rule text not null,
  currency text not null,
  unit_amount bigint not null,
  quantity integer not null,
  amount bigint not null,
  payer app_public.party not null,
  payee app_public.party not null,

  constraint quote_line_items_pkey primary key (quote_id, position),
  constraint quote_line_items_quote_fkey foreign key (quote_id, currency)
    references app_public.quotes (id, currency) on delete cascade,
  constraint quote_line_items_amount_is_product
    check (amount = unit_amount * quantity and amount > 0),
  constraint quote_line_items_parties_differ check (payer <> payee)
);

alter table app_public.quote_line_items enable row level security;
alter table app_public.quote_line_items force row level security;

create index if not exists quote_line_items_quote_idx
  on app_public.quote_line_items (quote_id, currency);

create or replace trigger _100_immutable
  before update on app_public.quote_line_items
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.quote_line_items is 'A line of a quote; the lines sum to its amounts.';
comment on column app_public.quote_line_items.quote_id is 'The quote.';
comment on column app_public.quote_line_items.position is 'Order within the quote, from 1.';
comment on column app_public.quote_line_items.code is
  'What is paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.quote_line_items.rule is 'The rule that made the price.';
comment on column app_public.quote_line_items.currency is 'ISO 4217 currency.';
comment on column app_public.quote_line_items.unit_amount is 'Price of one, in minor units.';
comment on column app_public.quote_line_items.quantity is 'How many.';
comment on column app_public.quote_line_items.amount is
  'Unit amount times quantity, in minor units.';
comment on column app_public.quote_line_items.payer is 'Who pays it.';
comment on column app_public.quote_line_items.payee is 'Who receives it.';

-- What a client is told: the code, and the sentence.
comment on constraint quote_line_items_amount_is_product on app_public.quote_line_items is
  'INTERNAL: The amount of a line is its unit amount times its quantity.';
comment on constraint quote_line_items_parties_differ on app_public.quote_line_items is
  'INTERNAL: Nobody pays themselves.';
