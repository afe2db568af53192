/*
 * A line of a quote before it is stored. payer and payee say who owes it to whom, so that any total
 * is a sum: the guest pays the sum of the lines whose payer is guest.
 */
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

comment on type app_public.price_line is
  'A line item: its amount is the unit amount times the quantity, in minor units.';
comment on column app_public.price_line.code is
  'What is paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.price_line.rule is
  'The rule that made the price: base_rate, weekend_rate, dated_rate, cleaning_fee, '
  'extra_guest_fee, or a share such as 12.00%.';
comment on column app_public.price_line.currency is 'ISO 4217 currency.';
comment on column app_public.price_line.unit_amount is 'Price of one, in minor units.';
comment on column app_public.price_line.quantity is 'How many.';
comment on column app_public.price_line.amount is 'Unit amount times quantity, in minor units.';
comment on column app_public.price_line.payer is 'Who pays it.';
comment on column app_public.price_line.payee is 'Who receives it.';
