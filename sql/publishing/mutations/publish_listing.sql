create or replace function app_public.publish_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(publish_listing.listing_id);
  v_missing text[] := app_hidden.missing_for_publication(v_listing);
begin
  if v_listing.status not in ('draft', 'paused', 'published') then
    raise exception 'A listing that is % cannot be published.', v_listing.status
      using errcode = 'SBL03', column = 'listing_id';
  end if;
  if cardinality(v_missing) > 0 then
    raise exception 'The listing is not complete yet: % missing.', array_to_string(v_missing, ', ')
      using errcode = 'SBL02', column = 'listing_id', detail = to_jsonb(v_missing)::text;
  end if;
  if app_hidden.lacks_factor(v_listing.host_id, 'hosts') then
    raise exception 'Hosts need a second factor here. Enable one, then publish.'
      using errcode = 'SBI06', column = 'listing_id';
  end if;

  update app_public.listings l
  set status = 'published', published_at = coalesce(l.published_at, app_hidden.clock())
  where l.id = v_listing.id
  returning * into v_listing;
  return v_listing;
end
$$;

grant execute on function app_public.publish_listing(uuid) to :DATABASE_VISITOR;

comment on function app_public.publish_listing(uuid) is
  'Shows a complete listing to everybody. LISTING_INCOMPLETE names what is missing.';
