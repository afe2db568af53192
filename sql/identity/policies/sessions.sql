select app_hidden.drop_policies('app_private.sessions');
create policy definer_all on app_private.sessions to :DATABASE_OWNER using (true) with check (true);
