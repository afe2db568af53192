/*
 * The dictionary of the search mask: which bit of attrs means what. A bit is never given another
 * meaning; bits 47 to 62 are free.
 */
create table if not exists app_hidden.search_bits (
  kind text not null,
  code text not null,
  bit smallint not null,

  constraint search_bits_pkey primary key (kind, code),
  constraint search_bits_bit_key unique (bit),
  constraint search_bits_bit_fits_bigint check (bit between 0 and 62),
  constraint search_bits_kind_is_known
    check (kind in ('type', 'booking_mode', 'rating', 'amenity'))
);

alter table app_hidden.search_bits enable row level security;
alter table app_hidden.search_bits force row level security;

comment on table app_hidden.search_bits is 'What each bit of the search mask means.';
