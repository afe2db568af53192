/*
 * Nights with a rate of their own, as ranges. They go before the weekend and the base rate.
 */
create table if not exists app_public.dated_rates (
  listing_id uuid not null,
  nights daterange not null,
  currency text not null,
  nightly_amount bigint not null,

  -- A night has one rate.
  constraint dated_rates_pkey primary key (listing_id, nights without overlaps),
  constraint dated_rates_listing_fkey foreign key (listing_id, currency)
    references app_public.listing_rates (listing_id, currency) on delete cascade,
  constraint dated_rates_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint dated_rates_nightly_amount_is_positive
    check (nightly_amount between 1 and 100000000000)
);

alter table app_public.dated_rates enable row level security;
alter table app_public.dated_rates force row level security;

-- Pricing reads the ranges that end after check-in, and stops at check-out: cheaper than the GiST
-- key.
create index if not exists dated_rates_listing_id_idx
  on app_public.dated_rates (listing_id, currency, upper(nights));

create or replace trigger _600_updated
  after insert or update or delete on app_public.dated_rates
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.dated_rates
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.dated_rates is 'Nights of a listing that have a rate of their own.';
comment on column app_public.dated_rates.listing_id is 'The listing.';
comment on column app_public.dated_rates.nights is 'The nights, from the first to before the end.';
comment on column app_public.dated_rates.currency is 'ISO 4217 currency, always the listing''s.';
comment on column app_public.dated_rates.nightly_amount is
  'Rate of each of these nights, in minor units.';

-- What a client is told: the code, and the sentence.
comment on constraint dated_rates_nights_are_finite on app_public.dated_rates is
  'INVALID_INPUT: The nights have a first and a last day.';
comment on constraint dated_rates_nightly_amount_is_positive on app_public.dated_rates is
  'INVALID_AMOUNT: A nightly rate is from 1 to 100000000000 minor units.';
