-- The last photo of a published listing stays; add another first, or pause the listing.
create or replace function app_hidden.tg_listing_photos__keep_one() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status app_public.listing_status;
begin
  -- Locked first and read then: a publication at the same moment counts this photo.
  select l.status into v_status from app_hidden.lock_listing(OLD.listing_id) l;
  if v_status = 'published' and not exists (
    select from app_public.listing_photos p where p.listing_id = OLD.listing_id
  ) then
    raise exception 'A published listing keeps a photo: add another first, or pause the listing.'
      using errcode = 'SBL02', detail = '["photo"]';
  end if;
  return null;
end
$$;

create or replace trigger _300_keep_one
  after delete on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__keep_one();

comment on function app_hidden.tg_listing_photos__keep_one() is
  'Refuses to delete the last photo of a published listing.';
