select app_hidden.drop_policies('app_public.cancellation_tiers');

create policy select_all on app_public.cancellation_tiers for select to :DATABASE_VISITOR
  using (true);

grant select on app_public.cancellation_tiers to :DATABASE_VISITOR;
-- No insert, update or delete: a policy comes with a migration.
