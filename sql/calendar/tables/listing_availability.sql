/*
 * One row a unit: the guard that whoever takes nights updates first, and the read model that search
 * reads. The nights that are taken are the union of the unit's live claims; a trigger on
 * calendar_claims keeps them, and calendar_drift() recomputes and compares.
 *
 * No index but the key, and room on each page: every update is heap-only, and none disturbs search.
 * The restrictions are copies of the listing's, so that "can this stay be taken?" reads one row.
 */
create table if not exists app_hidden.listing_availability (
  listing_id uuid not null
    constraint listing_availability_listing_id_fkey references app_public.listings on delete cascade,
  unit_number smallint not null,
  taken datemultirange not null default '{}',
  min_nights smallint not null,
  max_nights smallint not null,
  advance_notice_hours smallint not null,
  booking_window_days smallint not null,
  preparation_days smallint not null,
  check_in_from time not null,
  time_zone text,

  constraint listing_availability_pkey primary key (listing_id, unit_number)
) with (fillfactor = 70);

alter table app_hidden.listing_availability enable row level security;
alter table app_hidden.listing_availability force row level security;

comment on table app_hidden.listing_availability is
  'Per unit: the nights that are taken, and what a stay must keep to.';
