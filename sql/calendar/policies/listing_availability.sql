select app_hidden.drop_policies('app_hidden.listing_availability');
-- Read through functions only.
create policy definer_all on app_hidden.listing_availability to :DATABASE_OWNER
  using (true) with check (true);
