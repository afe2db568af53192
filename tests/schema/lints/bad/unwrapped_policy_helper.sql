-- finds: bare on app_public.bad_things
-- finds: nested on app_public.bad_things
-- finds: setting on app_public.bad_things
create table app_public.bad_things (user_id uuid constraint bad_things_pkey primary key);
create policy bare on app_public.bad_things using (user_id = app_public.current_user_id());
create policy setting on app_public.bad_things for insert
  with check (user_id = current_setting('staybase.user_id')::uuid);
create policy nested on app_public.bad_things for select using (
  exists (select from app_public.users u where u.id = app_public.current_user_id())
);
create policy wrapped on app_public.bad_things for delete
  using (user_id = (select app_public.current_user_id()));
