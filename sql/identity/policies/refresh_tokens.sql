select app_hidden.drop_policies('app_private.refresh_tokens');
create policy definer_all on app_private.refresh_tokens to :DATABASE_OWNER
  using (true) with check (true);
