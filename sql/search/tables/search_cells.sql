/*
 * The static projection of published listings that search walks: public facts only, one row for
 * each of six map levels, never touched by a booking. cell says level and square of the map
 * (search_cell); within a cell the key keeps listings in the order of their score, and carries
 * everything that search filters by, so that a page is read from the index alone and stops when it
 * is full.
 */
create table if not exists app_hidden.search_cells (
  cell bigint not null,
  score integer not null,
  listing_id uuid not null
    constraint search_cells_listing_id_fkey references app_public.listings on delete cascade,
  longitude_e6 integer not null,
  latitude_e6 integer not null,
  nightly_floor_amount bigint not null,
  attrs bigint not null,
  max_guests smallint not null,
  -- No foreign key: the projection only copies what listing_rates refers to.
  currency_number smallint not null,

  constraint search_cells_pkey primary key (cell, score, listing_id)
    include (longitude_e6, latitude_e6, nightly_floor_amount, attrs, max_guests, currency_number)
);

alter table app_hidden.search_cells enable row level security;
alter table app_hidden.search_cells force row level security;

-- For refresh_search() and the foreign key.
create index if not exists search_cells_listing_id_idx on app_hidden.search_cells (listing_id);

comment on table app_hidden.search_cells is
  'Published listings by map cell and score, as search walks them.';
