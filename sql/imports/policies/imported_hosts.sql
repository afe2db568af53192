select app_hidden.drop_policies('app_private.imported_hosts');
create policy definer_all on app_private.imported_hosts to :DATABASE_OWNER
  using (true) with check (true);
