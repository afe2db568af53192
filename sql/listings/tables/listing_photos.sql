create table if not exists app_public.listing_photos (
  id uuid not null default uuidv7() constraint listing_photos_pkey primary key,
  listing_id uuid not null
    constraint listing_photos_listing_id_fkey references app_public.listings on delete cascade,
  url app_public.web_url not null,
  caption app_public.line not null default '',
  position smallint not null default 0,
  created_at timestamptz not null default app_hidden.clock(),

  constraint listing_photos_caption_is_bounded check (length(caption) <= 500),
  constraint listing_photos_position_fits check (position between 0 and 999)
);

alter table app_public.listing_photos enable row level security;
alter table app_public.listing_photos force row level security;

-- Photos are always read for one listing, in order.
create index if not exists listing_photos_listing_id_idx
  on app_public.listing_photos (listing_id, position, id);

create or replace trigger _600_updated
  after insert or update or delete on app_public.listing_photos
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.listing_photos
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.listing_photos is 'A photo of a listing.';
comment on column app_public.listing_photos.id is 'Public id of the photo.';
comment on column app_public.listing_photos.listing_id is 'The listing it shows.';
comment on column app_public.listing_photos.url is 'Where the picture is.';
comment on column app_public.listing_photos.caption is 'What it shows.';
comment on column app_public.listing_photos.position is
  'Photos are shown by rising position; the first is the cover.';
comment on column app_public.listing_photos.created_at is 'When it was added.';

-- What a client is told: the code, and the sentence.
comment on constraint listing_photos_caption_is_bounded on app_public.listing_photos is
  'INVALID_INPUT: A caption has 500 characters at most.';
comment on constraint listing_photos_position_fits on app_public.listing_photos is
  'INVALID_INPUT: A position is from 0 to 999.';
