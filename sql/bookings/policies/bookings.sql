select app_hidden.drop_policies('app_public.bookings');

create policy select_guest on app_public.bookings for select to :DATABASE_VISITOR
  using (guest_id = (select app_public.current_user_id()));
create policy select_host on app_public.bookings for select to :DATABASE_VISITOR
  using (host_id = (select app_public.current_user_id()));
create policy select_operator on app_public.bookings for select to :DATABASE_OPERATOR using (true);
-- No insert, update or delete: create_booking(), and transitions that the tables allow.

grant select on app_public.bookings to :DATABASE_VISITOR;
