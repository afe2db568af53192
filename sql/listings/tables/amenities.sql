/*
 * The catalogue of what a listing may offer. Only searchable amenities have a bit in the search
 * masks, of which there are few: see search/tables/search_bits.sql.
 */
create table if not exists app_public.amenities (
  code text constraint amenities_pkey primary key,
  name text not null,
  category text not null,
  is_searchable boolean not null,

  constraint amenities_code_is_a_word check (code ~ '^[a-z][a-z0-9_]{1,40}$')
);

alter table app_public.amenities enable row level security;
alter table app_public.amenities force row level security;

comment on table app_public.amenities is 'Something that a listing may offer.';
comment on column app_public.amenities.code is 'Stable word for programs, such as wifi.';
comment on column app_public.amenities.name is 'English name for people.';
comment on column app_public.amenities.category is 'Group to show it under.';
comment on column app_public.amenities.is_searchable is 'Whether listings can be searched by it.';

-- What a client is told: the code, and the sentence.
comment on constraint amenities_code_is_a_word on app_public.amenities is
  'INTERNAL: The code of an amenity is a word in lower case.';
