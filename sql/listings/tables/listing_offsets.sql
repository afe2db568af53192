/*
 * How far and where to a listing's public place is moved. Drawn at random, and once: a new one at
 * each edit could be averaged away. No client reads it: with it the exact place could be had from
 * the public one. Distance 150 to 250 m, any bearing.
 */
create table if not exists app_private.listing_offsets (
  listing_id uuid not null
    constraint listing_offsets_pkey primary key
    constraint listing_offsets_listing_id_fkey references app_public.listings on delete cascade,
  bearing double precision not null default random() * 2 * pi(),
  distance_m double precision not null default 150 + random() * 100
);

alter table app_private.listing_offsets enable row level security;
alter table app_private.listing_offsets force row level security;

comment on table app_private.listing_offsets is
  'The secret move from a listing''s exact place to its public one.';
