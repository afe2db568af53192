/*
 * Replaces the imported claims of a listing by what came, less the nights that holds, bookings and
 * the host's own blocks have; holds past their time give theirs up first. The guard row is locked
 * before anything is read, as by every writer of nights.
 */
create or replace function app_hidden.import_nights(listing_id uuid, listing jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_came datemultirange;
begin
  perform app_hidden.expire_listing_holds(import_nights.listing_id);
  perform app_hidden.lock_units(import_nights.listing_id);

  select coalesce(range_agg(n::daterange), '{}') into v_came
  from jsonb_array_elements_text(listing -> 'blockedNights') n;

  delete from app_public.calendar_claims c
  where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'import'
    and not exists (select from unnest(v_came) n where n = c.nights);
  perform app_hidden.claim_nights(import_nights.listing_id, n, 'import', unit_number => 1::smallint)
  from unnest(v_came - (
    select coalesce(range_agg(c.nights), '{}') from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1
  )) n;
end
$$;

comment on function app_hidden.import_nights(uuid, jsonb) is
  'Replaces the imported claims of a listing; bookings keep their nights.';
