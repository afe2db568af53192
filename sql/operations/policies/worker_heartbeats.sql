select app_hidden.drop_policies('app_private.worker_heartbeats');
create policy definer_all on app_private.worker_heartbeats to :DATABASE_OWNER
  using (true) with check (true);
