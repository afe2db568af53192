/*
 * Replaces the dated rates of an imported listing by those of its calendar. Those in another
 * currency than its rates, which a newer snapshot may have brought, cannot be kept.
 */
create or replace function app_hidden.import_dated_rates(listing_id uuid, listing jsonb)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.dated_rates d where d.listing_id = import_dated_rates.listing_id;
  insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
  select r.listing_id, (d ->> 'nights')::daterange, r.currency, (d ->> 'nightlyAmount')::bigint
  from app_public.listing_rates r
  cross join jsonb_array_elements(listing -> 'datedRates') d
  where r.listing_id = import_dated_rates.listing_id
    and r.currency = listing -> 'rates' ->> 'currency';
end
$$;

comment on function app_hidden.import_dated_rates(uuid, jsonb) is
  'Replaces the dated rates of an imported listing by those of its calendar.';
