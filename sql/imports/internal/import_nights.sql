/*
 * Replaces the imported claims of a listing by the nights that are blocked, less those that holds,
 * bookings and the host's own blocks have; holds past their time give theirs up first. Null is a
 * listing whose nights no calendar has told: all are blocked, for what is not known to be free is
 * not sold, unless the operator assumes that they are free. The guard row is locked before anything
 * is read, as by every writer of nights.
 *
 * Returns whether a hold keeps some of the nights for now.
 */
create or replace function app_hidden.import_nights(
  listing_id uuid, blocked datemultirange, assume_free boolean
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_blocked datemultirange := coalesce(
    blocked, case
      when assume_free then '{}'::datemultirange else '{[2000-01-01,2101-01-01)}'::datemultirange
    end
  );
begin
  perform app_hidden.expire_listing_holds(import_nights.listing_id);
  perform app_hidden.lock_units(import_nights.listing_id);

  delete from app_public.calendar_claims c
  where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'import'
    and not exists (select from unnest(v_blocked) n where n = c.nights);
  perform app_hidden.claim_nights(import_nights.listing_id, n, 'import', unit_number => 1::smallint)
  from unnest(v_blocked - (
    select coalesce(range_agg(c.nights), '{}') from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1
  )) n;
  return exists (
    select from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'hold'
      and c.nights && v_blocked
  );
end
$$;

comment on function app_hidden.import_nights(uuid, datemultirange, boolean) is
  'Replaces the imported claims of a listing; bookings keep their nights.';
