create or replace function app_hidden.export_listings(user_id uuid) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(
    app_hidden.exported(to_jsonb(l)) || jsonb_build_object(
      'address', (
        select app_hidden.exported(to_jsonb(a) - 'listing_id')
        from app_public.listing_addresses a where a.listing_id = l.id
      ),
      'photos', (
        select jsonb_agg(
          app_hidden.exported(to_jsonb(p) - 'listing_id') order by p.position, p.id
        )
        from app_public.listing_photos p where p.listing_id = l.id
      ),
      'amenities', (
        select jsonb_agg(a.amenity_code order by a.amenity_code)
        from app_public.listing_amenities a where a.listing_id = l.id
      ),
      'rates', (
        select app_hidden.exported(to_jsonb(r) - 'listing_id')
        from app_public.listing_rates r where r.listing_id = l.id
      ),
      'datedRates', (
        select jsonb_agg(app_hidden.exported(to_jsonb(d) - 'listing_id') order by d.nights)
        from app_public.dated_rates d where d.listing_id = l.id
      ),
      'claims', (
        select jsonb_agg(app_hidden.exported(to_jsonb(c) - 'listing_id') order by c.id)
        from app_public.calendar_claims c where c.listing_id = l.id
      ),
      'imports', (
        select jsonb_agg(
          app_hidden.exported(to_jsonb(i) - 'listing_id') order by i.source, i.external_id
        )
        from app_private.imported_listings i where i.listing_id = l.id
      ),
      'importedScores', (
        select app_hidden.exported(to_jsonb(s) - 'listing_id')
        from app_hidden.imported_review_scores s where s.listing_id = l.id
      )
    ) order by l.id
  )
  from app_public.listings l where l.host_id = export_listings.user_id
$$;

comment on function app_hidden.export_listings(uuid) is
  'The listings of a host with all that belongs to them.';
