/*
 * The check that the read model tells the truth: claims of one unit never overlap, so what is taken
 * must be exactly their union. Returns the units where it is not; an empty result is the good
 * answer.
 */
create or replace function app_private.calendar_drift()
returns table (listing_id uuid, unit_number smallint, taken datemultirange, claimed datemultirange)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.listing_id, a.unit_number, a.taken, coalesce(c.claimed, '{}')
  from app_hidden.listing_availability a
  left join (
    select c.listing_id, c.unit_number, range_agg(c.nights) as claimed
    from app_public.calendar_claims c
    group by c.listing_id, c.unit_number
  ) c using (listing_id, unit_number)
  where a.taken <> coalesce(c.claimed, '{}')
$$;

grant execute on function app_private.calendar_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.calendar_drift() is
  'Units whose availability differs from their claims; none, or something is broken.';
