/*
 * What a guest's date picker greys out: the nights on which no unit is free, without saying why. A
 * hold counts until it is freed.
 */
create or replace function app_public.listings_taken_nights(
  listing app_public.listings, from_date date, to_date date
) returns date[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(night order by night), '{}')
  from (
    select n::date as night
    from generate_series(
      from_date::timestamp,
      (least(to_date, from_date + 800) - 1)::timestamp,
      interval '1 day'
    ) n
    where isfinite(from_date)
  ) nights
  where not exists (
    select from app_hidden.listing_availability a
    where a.listing_id = listing.id and not a.taken @> nights.night
  )
$$;

grant execute on function app_public.listings_taken_nights(app_public.listings, date, date)
  to :DATABASE_VISITOR;

comment on function app_public.listings_taken_nights(app_public.listings, date, date) is
  'The nights from the first date to before the second (at most 800) on which no unit is free.';
