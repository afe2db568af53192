select app_hidden.drop_policies('app_private.mails');
create policy definer_all on app_private.mails to :DATABASE_OWNER using (true) with check (true);
