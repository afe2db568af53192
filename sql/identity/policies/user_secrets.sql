select app_hidden.drop_policies('app_private.user_secrets');
-- Functions of app_private alone read and write secrets: no grant to anybody.
create policy definer_all on app_private.user_secrets to :DATABASE_OWNER
  using (true) with check (true);
