select app_hidden.drop_policies('app_private.registrations');
create policy definer_all on app_private.registrations to :DATABASE_OWNER
  using (true) with check (true);
