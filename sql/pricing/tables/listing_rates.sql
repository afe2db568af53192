/*
 * What a listing costs. The currency is here, once, and all other prices of the listing refer to
 * it.
 */
create table if not exists app_public.listing_rates (
  listing_id uuid not null
    constraint listing_rates_pkey primary key
    constraint listing_rates_listing_id_fkey references app_public.listings on delete cascade,
  currency text not null
    constraint listing_rates_currency_fkey references app_public.currencies on delete restrict,
  nightly_amount bigint not null,
  weekend_nightly_amount bigint,
  cleaning_fee_amount bigint not null default 0,
  extra_guest_fee_amount bigint not null default 0,
  guests_included smallint not null default 1,
  -- Kept by dated_rates: most listings have none, and search need not look.
  has_dated_rates boolean not null default false,
  pet_fee_amount bigint not null default 0,

  -- Dated rates refer to both, so that they cannot be in another currency.
  constraint listing_rates_currency_key unique (listing_id, currency),
  -- The bounds keep any total far from the end of bigint: 730 nights, 16 guests, fees.
  constraint listing_rates_nightly_amount_is_positive
    check (nightly_amount between 1 and 100000000000),
  constraint listing_rates_weekend_nightly_amount_is_positive
    check (weekend_nightly_amount between 1 and 100000000000),
  constraint listing_rates_cleaning_fee_amount_is_not_negative
    check (cleaning_fee_amount between 0 and 100000000000),
  constraint listing_rates_extra_guest_fee_amount_is_not_negative
    check (extra_guest_fee_amount between 0 and 100000000000),
  constraint listing_rates_pet_fee_amount_is_not_negative
    check (pet_fee_amount between 0 and 100000000000),
  constraint listing_rates_guests_included_fit check (guests_included between 1 and 16)
);

alter table app_public.listing_rates enable row level security;
alter table app_public.listing_rates force row level security;

create index if not exists listing_rates_currency_idx on app_public.listing_rates (currency);

create or replace trigger _600_updated
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.listing_rates is 'What a listing costs, before dates are known.';
comment on column app_public.listing_rates.listing_id is 'The listing.';
comment on column app_public.listing_rates.currency is 'ISO 4217 currency of all its prices.';
comment on column app_public.listing_rates.nightly_amount is
  'Base rate of a night, in minor units.';
comment on column app_public.listing_rates.weekend_nightly_amount is
  'Rate of Friday and Saturday nights, in minor units; null where it is the base rate.';
comment on column app_public.listing_rates.cleaning_fee_amount is
  'Cleaning fee of a stay, in minor units.';
comment on column app_public.listing_rates.pet_fee_amount is
  'Fee for a stay with pets, however many, in minor units.';
comment on column app_public.listing_rates.extra_guest_fee_amount is
  'Fee for each night and each guest beyond those included, in minor units.';
comment on column app_public.listing_rates.guests_included is
  'How many guests the nightly rate covers.';
comment on column app_public.listing_rates.has_dated_rates is
  'Whether some dates have a rate of their own.';

-- What a client is told: the code, and the sentence.
comment on constraint listing_rates_currency_key on app_public.listing_rates is
  'INTERNAL: A listing has one currency.';
comment on constraint listing_rates_nightly_amount_is_positive on app_public.listing_rates is
  'INVALID_AMOUNT: A nightly rate is from 1 to 100000000000 minor units.';
comment on constraint listing_rates_weekend_nightly_amount_is_positive
  on app_public.listing_rates is
  'INVALID_AMOUNT: A weekend rate is from 1 to 100000000000 minor units.';
comment on constraint listing_rates_cleaning_fee_amount_is_not_negative
  on app_public.listing_rates is
  'INVALID_AMOUNT: A cleaning fee is from 0 to 100000000000 minor units.';
comment on constraint listing_rates_pet_fee_amount_is_not_negative on app_public.listing_rates is
  'INVALID_AMOUNT: A pet fee is from 0 to 100000000000 minor units.';
comment on constraint listing_rates_extra_guest_fee_amount_is_not_negative
  on app_public.listing_rates is
  'INVALID_AMOUNT: A fee for extra guests is from 0 to 100000000000 minor units.';
comment on constraint listing_rates_guests_included_fit on app_public.listing_rates is
  'INVALID_INPUT: The rate includes 1 to 16 guests.';
