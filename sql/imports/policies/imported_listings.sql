select app_hidden.drop_policies('app_private.imported_listings');
create policy definer_all on app_private.imported_listings to :DATABASE_OWNER
  using (true) with check (true);
