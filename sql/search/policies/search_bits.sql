select app_hidden.drop_policies('app_hidden.search_bits');
-- Read by functions only: no grant to anybody.
create policy definer_all on app_hidden.search_bits to :DATABASE_OWNER
  using (true) with check (true);
