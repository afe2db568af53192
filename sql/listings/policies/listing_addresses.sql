select app_hidden.drop_policies('app_public.listing_addresses');

create policy definer_all on app_public.listing_addresses to :DATABASE_OWNER
  using (true) with check (true);
create policy select_own on app_public.listing_addresses for select to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.listing_addresses for select to :DATABASE_OPERATOR
  using (true);
create policy select_confirmed on app_public.listing_addresses for select to :DATABASE_VISITOR
  using (listing_id in (select app_hidden.confirmed_listing_ids()));
-- No insert, update or delete: set_listing_address() keeps the public place in step.

grant select on app_public.listing_addresses to :DATABASE_VISITOR;
