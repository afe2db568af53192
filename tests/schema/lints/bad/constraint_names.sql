-- finds: bad_domain_check on app_public.bad_domain
-- finds: bad_id on app_public.bad_names
-- finds: bad_names_a on app_public.bad_names
-- finds: bad_names_c_check on app_public.bad_names
-- finds: no_overlap on app_public.bad_names
-- finds: positive on app_public.bad_names
-- finds: to_users on app_public.bad_names
create table app_public.bad_names (
  id int constraint bad_id primary key,
  a int constraint bad_names_a unique,
  b uuid constraint to_users references app_public.users,
  c int check (c > 0),
  d int constraint positive check (d > 0),
  constraint no_overlap exclude using gist (int4range(a, c) with &&)
);
create domain app_public.bad_domain as text check (value <> '');
create table app_public.good_names (
  id int constraint good_names_pkey primary key,
  a int constraint good_names_a_key unique,
  b uuid constraint good_names_b_fkey references app_public.users,
  c int constraint good_names_c_is_positive check (c > 0)
);
