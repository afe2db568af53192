select app_hidden.drop_policies('app_hidden.platform_fees');
-- Read by functions only: no grant to anybody.
create policy definer_all on app_hidden.platform_fees to :DATABASE_OWNER
  using (true) with check (true);
