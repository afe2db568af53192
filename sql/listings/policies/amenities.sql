select app_hidden.drop_policies('app_public.amenities');

create policy select_all on app_public.amenities for select to :DATABASE_VISITOR using (true);
-- No insert, update or delete: an amenity comes with a migration, for it needs a bit and a
-- translation.

grant select on app_public.amenities to :DATABASE_VISITOR;
