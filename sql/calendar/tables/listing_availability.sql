/*
 * One row a unit: the guard that whoever takes nights updates first, and the read model that search
 * reads. The nights that are taken are the union of the unit's live claims; a trigger on
 * calendar_claims keeps them, and calendar_drift() recomputes and compares.
 *
 * No index but the key, and room on each page: every update is heap-only, and none disturbs search.
 * The restrictions are copies of the listing's and the rates are copies of listing_rates, kept by
 * triggers, so that "can this stay be taken, and for how much?" reads one row. nightly_amount is
 * null where the listing has no rates.
 */
create table if not exists app_hidden.listing_availability (
  listing_id uuid not null
    constraint listing_availability_listing_id_fkey
      references app_public.listings on delete cascade,
  unit_number smallint not null,
  taken datemultirange not null default '{}',
  min_nights smallint not null,
  max_nights smallint not null,
  advance_notice_hours smallint not null,
  booking_window_days smallint not null,
  preparation_days smallint not null,
  check_in_from time not null,
  time_zone text,
  currency text,
  charge_step smallint,
  nightly_amount bigint,
  weekend_nightly_amount bigint,
  cleaning_fee_amount bigint,
  extra_guest_fee_amount bigint,
  guests_included smallint,
  has_dated_rates boolean not null default false,

  constraint listing_availability_pkey primary key (listing_id, unit_number)
) with (fillfactor = 70);

alter table app_hidden.listing_availability enable row level security;
alter table app_hidden.listing_availability force row level security;

comment on table app_hidden.listing_availability is
  'Per unit: the nights that are taken, what a stay must keep to, and the rates.';
