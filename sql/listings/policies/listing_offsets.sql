select app_hidden.drop_policies('app_private.listing_offsets');
create policy definer_all on app_private.listing_offsets to :DATABASE_OWNER
  using (true) with check (true);
