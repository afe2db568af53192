select app_hidden.drop_policies('app_private.operators');
create policy definer_all on app_private.operators to :DATABASE_OWNER
  using (true) with check (true);
