create table if not exists app_private.imported_listings (
  source text not null,
  external_id text not null,
  listing_id uuid not null
    constraint imported_listings_listing_id_fkey references app_public.listings on delete cascade,
  content_hash text not null,
  imported_at timestamptz not null default app_hidden.clock(),
  -- The snapshots that the listing and its nights are of, and how many nights that one tells.
  scraped_on date not null default '-infinity',
  nights_scraped_on date not null default '-infinity',
  nights_told integer not null default 0,
  -- What the last calendar that was read does not sell; null where there was none.
  blocked_nights datemultirange,

  constraint imported_listings_pkey primary key (source, external_id)
);

alter table app_private.imported_listings enable row level security;
alter table app_private.imported_listings force row level security;

create index if not exists imported_listings_listing_id_idx
  on app_private.imported_listings (listing_id);

comment on table app_private.imported_listings is
  'Listings that came with an import, and the hash of what came, so that the same again changes '
  'nothing.';
