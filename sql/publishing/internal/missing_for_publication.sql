/*
 * What a listing lacks before guests may see it, as codes that a form can show next to its fields.
 */
create or replace function app_hidden.missing_for_publication(listing app_public.listings)
returns text[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select array_remove(array[
    case when length(btrim(listing.title)) < 5 then 'title' end,
    case when length(btrim(listing.description)) < 20 then 'description' end,
    case when coalesce(btrim(listing.house_rules), '') = '' then 'house_rules' end,
    case when listing.public_longitude is null then 'address' end,
    case when not exists (
      select from app_public.listing_photos p where p.listing_id = listing.id
    ) then 'photo' end,
    case when not exists (
      select from app_public.listing_rates r where r.listing_id = listing.id
    ) then 'rates' end,
    case when not exists (
      select from app_public.user_contacts c
      where c.user_id = listing.host_id and c.email_verified_at is not null
    ) then 'verified_email' end
  ], null)
$$;

comment on function app_hidden.missing_for_publication(app_public.listings) is
  'What a listing lacks before it can be published; empty when nothing.';
