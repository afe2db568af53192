select app_hidden.drop_policies('app_public.listing_rates');

create policy definer_all on app_public.listing_rates to :DATABASE_OWNER
  using (true) with check (true);
create policy select_visible on app_public.listing_rates for select to :DATABASE_VISITOR
  using (exists (select from app_public.listings l where l.id = listing_id));
-- No insert, update or delete: set_listing_rates() knows the currency's steps.

grant select on app_public.listing_rates to :DATABASE_VISITOR;
