/*
 * A cap on everything: photos of one listing are loaded together. It counts behind the insert, when
 * row-level security has seen the row, so that nobody learns from it about a listing that is not
 * theirs; and under the listing's lock, so that two inserts count one after the other, and a
 * listing that is being published has them.
 */
create or replace function app_hidden.tg_listing_photos__limit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.lock_listing(NEW.listing_id);
  if (
    select count(*) from app_public.listing_photos p where p.listing_id = NEW.listing_id
  ) > 100 then
    raise exception 'A listing has at most 100 photos.'
      using errcode = 'SBL05', column = 'listing_id';
  end if;
  return null;
end
$$;

create or replace trigger _200_limit
  after insert on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__limit();

comment on function app_hidden.tg_listing_photos__limit() is 'At most 100 photos a listing.';
