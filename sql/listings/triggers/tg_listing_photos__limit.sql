/*
 * A cap on everything: photos of one listing are loaded together. It counts behind the insert, when
 * row-level security has seen the row, so that nobody learns from it about a listing that is not
 * theirs; and under the locks, so that two inserts count one after the other, and a listing that is
 * being published has them. What a host adds counts for them; an import and the operator's own
 * rows do not.
 */
create or replace function app_hidden.tg_listing_photos__limit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_host_id uuid := (
    select l.host_id from app_public.listings l
    where l.id = NEW.listing_id and l.host_id = app_public.current_user_id()
  );
begin
  if v_host_id is not null then
    perform app_hidden.lock_guest(v_host_id);
  end if;
  perform app_hidden.lock_listing(NEW.listing_id);
  if (
    select count(*) from app_public.listing_photos p where p.listing_id = NEW.listing_id
  ) > 100 then
    raise exception 'A listing has at most 100 photos.'
      using errcode = 'SBL05', column = 'listing_id';
  end if;
  if v_host_id is not null then
    perform app_hidden.require_quota(v_host_id, 'photos', (
      select count(*) from app_public.listings l
      join app_public.listing_photos p on p.listing_id = l.id
      where l.host_id = v_host_id
    ));
  end if;
  return null;
end
$$;

create or replace trigger _200_limit
  after insert on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__limit();

comment on function app_hidden.tg_listing_photos__limit() is
  'At most 100 photos a listing, and as many as its host may have.';
