select app_hidden.drop_policies('app_public.listing_amenities');

create policy definer_all on app_public.listing_amenities to :DATABASE_OWNER
  using (true) with check (true);
create policy select_visible on app_public.listing_amenities for select to :DATABASE_VISITOR
  using (exists (select from app_public.listings l where l.id = listing_id));
-- No insert, update or delete: set_listing_amenities() replaces the whole set.

grant select on app_public.listing_amenities to :DATABASE_VISITOR;
