select app_hidden.drop_policies('app_public.listing_photos');

create policy definer_all on app_public.listing_photos to :DATABASE_OWNER
  using (true) with check (true);
-- Whoever sees the listing sees its photos.
create policy select_visible on app_public.listing_photos for select to :DATABASE_VISITOR
  using (exists (select from app_public.listings l where l.id = listing_id));
-- Like the listing itself, its photos stand still once it is suspended or archived.
create policy insert_own on app_public.listing_photos for insert to :DATABASE_VISITOR
  with check (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
        and l.status not in ('suspended', 'archived')
    )
  );
create policy update_own on app_public.listing_photos for update to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
        and l.status not in ('suspended', 'archived')
    )
  );
create policy delete_own on app_public.listing_photos for delete to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
        and l.status not in ('suspended', 'archived')
    )
  );

grant select, delete on app_public.listing_photos to :DATABASE_VISITOR;
grant insert (listing_id, url, caption, position) on app_public.listing_photos to :DATABASE_VISITOR;
grant update (url, caption, position) on app_public.listing_photos to :DATABASE_VISITOR;
