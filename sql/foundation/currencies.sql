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
