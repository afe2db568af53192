-- finds: bad_domain_is_loud on app_public.bad_domain
-- finds: bad_table_a_key on app_public.bad_table
-- finds: bad_table_b_is_positive on app_public.bad_table
-- finds: bad_table_span_excl on app_public.bad_table
create table app_public.bad_table (
  id int constraint bad_table_pkey primary key,
  a int constraint bad_table_a_key unique,
  b int constraint bad_table_b_is_positive check (b > 0),
  span int4range,
  fine int constraint bad_table_fine_is_positive check (fine > 0),
  constraint bad_table_span_excl exclude using gist (span with &&)
);
comment on constraint bad_table_b_is_positive on app_public.bad_table is 'It is positive.';
comment on constraint bad_table_fine_is_positive on app_public.bad_table is
  'INVALID_INPUT: It is more than zero.';
create domain app_public.bad_domain as text
  constraint bad_domain_is_loud check (value = upper(value));
