/*
 * A line of a quote before it is stored. payer and payee say who owes it to whom, so that any total
 * is a sum: the guest pays the sum of the lines whose payer is guest.
 */
do $$
begin
  create type app_public.party as enum ('guest', 'host', 'platform');
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.price_line as (
    code text,
    rule text,
    currency text,
    unit_amount bigint,
    quantity integer,
    amount bigint,
    payer app_public.party,
    payee app_public.party
  );
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.stay_price as (
    listing_id uuid,
    check_in date,
    check_out date,
    guests integer,
    nights integer,
    currency text,
    total_amount bigint,
    host_amount bigint,
    line_items app_public.price_line[]
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.party is 'Who pays or receives money: guest, host, or the platform.';
comment on type app_public.price_line is 'A line item: its amount is the unit amount times the quantity, in minor units.';
comment on column app_public.price_line.code is
  'What is paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.price_line.rule is
  'The rule that made the price: base_rate, weekend_rate, dated_rate, cleaning_fee, extra_guest_fee, or a share such as 12.00%.';
comment on column app_public.price_line.currency is 'ISO 4217 currency.';
comment on column app_public.price_line.unit_amount is 'Price of one, in minor units.';
comment on column app_public.price_line.quantity is 'How many.';
comment on column app_public.price_line.amount is 'Unit amount times quantity, in minor units.';
comment on column app_public.price_line.payer is 'Who pays it.';
comment on column app_public.price_line.payee is 'Who receives it.';
comment on type app_public.stay_price is 'What a stay costs now; not an offer, which a quote is.';
comment on column app_public.stay_price.listing_id is 'The listing.';
comment on column app_public.stay_price.check_in is 'First night, local date.';
comment on column app_public.stay_price.check_out is 'Day of leaving, local date.';
comment on column app_public.stay_price.guests is 'How many people stay.';
comment on column app_public.stay_price.nights is 'Number of nights.';
comment on column app_public.stay_price.currency is 'ISO 4217 currency.';
comment on column app_public.stay_price.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.stay_price.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.stay_price.line_items is 'What the total is made of.';
