-- finds: bad_children_a_b_fkey on app_public.bad_children
-- finds: bad_children_user_id_fkey on app_public.bad_children
create table app_public.bad_parents (a int, b int, constraint bad_parents_pkey primary key (a, b));
create table app_public.bad_children (
  id int constraint bad_children_pkey primary key,
  a int,
  b int,
  user_id uuid constraint bad_children_user_id_fkey references app_public.users on delete cascade,
  constraint bad_children_a_b_fkey foreign key (a, b)
    references app_public.bad_parents on delete cascade
);
create index on app_public.bad_children (user_id) where id > 0;
create index on app_public.bad_children (a, id, b);
create table app_public.good_children (
  a int,
  b int,
  constraint good_children_a_b_fkey foreign key (a, b)
    references app_public.bad_parents on delete cascade
);
create index on app_public.good_children (b, a);
