/*
 * What a person advertised. A listing stays archived, without a word or a place of theirs: guests
 * who were there still find the city in their history. The caller holds the listings and their
 * units.
 */
create or replace function app_hidden.erase_host(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_ids uuid[] := array(
    select l.id from app_public.listings l where l.host_id = erase_host.user_id
  );
begin
  -- First, for a published listing keeps a photo.
  update app_public.listings l
  set status = 'archived', title = 'Former listing', description = '', house_rules = null,
      region = null,
      -- To some ten kilometres: the city is known anyway.
      public_longitude = round(l.public_longitude::numeric, 1),
      public_latitude = round(l.public_latitude::numeric, 1)
  where l.id = any (v_listing_ids)
    and row(l.status, l.title::text, l.description::text, l.house_rules::text, l.region::text)
      is distinct from
        row('archived'::app_public.listing_status, 'Former listing', '', null::text, null::text);
  delete from app_public.listing_photos p where p.listing_id = any (v_listing_ids);
  delete from app_public.listing_addresses a where a.listing_id = any (v_listing_ids);
  delete from app_private.public_places p where p.host_id = erase_host.user_id;
  delete from app_public.calendar_claims c
  where c.listing_id = any (v_listing_ids) and c.booking_id is null;
  update app_public.calendar_claims c set note = ''
  where c.listing_id = any (v_listing_ids) and c.note <> '';
  delete from app_private.imported_listings i where i.listing_id = any (v_listing_ids);
  delete from app_private.imported_hosts h where h.user_id = erase_host.user_id;
  -- The rules of a stay that is over bind nobody, and may have said where the key is.
  update app_public.bookings b set house_rules = null
  where b.host_id = erase_host.user_id and b.house_rules is not null;
end
$$;

comment on function app_hidden.erase_host(uuid) is
  'Erases what a person advertised, but for what guests keep of their stays.';
