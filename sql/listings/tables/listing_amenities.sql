create table if not exists app_public.listing_amenities (
  listing_id uuid not null
    constraint listing_amenities_listing_id_fkey references app_public.listings on delete cascade,
  amenity_code text not null
    constraint listing_amenities_amenity_code_fkey
      references app_public.amenities on delete restrict,

  constraint listing_amenities_pkey primary key (listing_id, amenity_code)
);

alter table app_public.listing_amenities enable row level security;
alter table app_public.listing_amenities force row level security;

-- For the foreign key: an amenity is only removed when nobody offers it.
create index if not exists listing_amenities_amenity_code_idx
  on app_public.listing_amenities (amenity_code);

create or replace trigger _600_updated
  after insert or delete on app_public.listing_amenities
  for each row execute function app_hidden.tg__append_event('listing.updated', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.listing_amenities
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.listing_amenities is 'An amenity that a listing offers.';
comment on column app_public.listing_amenities.listing_id is 'The listing that offers it.';
comment on column app_public.listing_amenities.amenity_code is 'What is offered.';
