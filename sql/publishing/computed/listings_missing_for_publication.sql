create or replace function app_public.listings_missing_for_publication(listing app_public.listings)
returns text[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if listing.host_id is distinct from app_public.current_user_id() then
    return null;
  end if;
  return app_hidden.missing_for_publication(listing);
end
$$;

grant execute on function app_public.listings_missing_for_publication(app_public.listings)
  to :DATABASE_VISITOR;

comment on function app_public.listings_missing_for_publication(app_public.listings) is
  'For its host: what the listing lacks before it can be published (title, description, '
  'house_rules, address, photo, rates, verified_email).';
