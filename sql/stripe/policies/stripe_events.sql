select app_hidden.drop_policies('app_private.stripe_events');
create policy definer_all on app_private.stripe_events to :DATABASE_OWNER
  using (true) with check (true);
