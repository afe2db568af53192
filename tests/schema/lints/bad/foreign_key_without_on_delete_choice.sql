-- finds: bad_children_user_id_fkey on app_public.bad_children
create table app_public.bad_children (
  user_id uuid constraint bad_children_user_id_fkey references app_public.users,
  other_id uuid constraint bad_children_other_id_fkey references app_public.users on delete restrict
);
