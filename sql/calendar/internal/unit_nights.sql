/*
 * The one rule of which nights of a unit are taken: those of its claims, without holds that are
 * over. The guard row keeps the nights of such a hold until somebody takes them or the job ends it,
 * so guarded is what is written there, and taken is what a guest is told. Claims of one unit never
 * overlap (N1), so the nights of a hold that is over are free altogether.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM.
 */
create or replace function app_hidden.unit_nights(listing_id uuid) returns table (
  unit_number smallint, guarded datemultirange, taken datemultirange
)
language sql stable
as $$
  select
    a.unit_number,
    a.taken,
    a.taken - coalesce((
      select range_agg(c.nights) from app_public.calendar_claims c
      where c.listing_id = a.listing_id and c.unit_number = a.unit_number
        and c.expires_at <= app_hidden.clock()
    ), '{}')
  from app_hidden.listing_availability a
  where a.listing_id = unit_nights.listing_id
$$;

comment on function app_hidden.unit_nights(uuid) is
  'Per unit the nights in its guard row, and those of them that are taken.';
