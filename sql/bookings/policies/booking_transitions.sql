select app_hidden.drop_policies('app_hidden.booking_transitions');
-- Read by functions only: no grant to anybody.
create policy definer_all on app_hidden.booking_transitions to :DATABASE_OWNER
  using (true) with check (true);
