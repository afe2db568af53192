-- What a guest's date picker greys out: the nights on which no unit is free, without saying why.
create or replace function app_public.listings_taken_nights(
  listing app_public.listings, from_date date, to_date date
) returns date[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.check_nights(from_date, to_date, 'to_date', 800);
  return array(
    select generate_series(
      lower(t.nights)::timestamp, upper(t.nights)::timestamp - interval '1 day', interval '1 day'
    )::date as night
    from (
      -- Of a listing without units every night is taken.
      select coalesce(range_intersect_agg(u.taken), '{(,)}') as taken
      from app_hidden.unit_nights(listing.id) u
    ) all_units
    cross join lateral unnest(
      all_units.taken * datemultirange(daterange(from_date, to_date))
    ) t (nights)
    order by night
  );
end
$$;

grant execute on function app_public.listings_taken_nights(app_public.listings, date, date)
  to :DATABASE_VISITOR;

comment on function app_public.listings_taken_nights(app_public.listings, date, date) is
  'The nights from the first date to before the second on which no unit is free. More than 800 '
  'nights at once are refused.';
