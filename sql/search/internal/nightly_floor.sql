/*
 * The least rate of a night that can be booked from today on; where there is none, the base rate.
 */
create or replace function app_hidden.nightly_floor(listing_id uuid) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    least(
      (
        select min(d.nightly_amount) from app_public.dated_rates d
        where d.listing_id = r.listing_id and d.nights && b.nights
      ),
      case when plain.nights > plain.weekend_nights then r.nightly_amount end,
      case when plain.weekend_nights > 0
        then coalesce(r.weekend_nightly_amount, r.nightly_amount)
      end
    ),
    r.nightly_amount
  )
  from app_public.listing_rates r
  cross join lateral (
    select app_hidden.bookable_nights(r.listing_id) as nights
    offset 0
  ) b
  cross join lateral (
    select
      sum(upper(n) - lower(n)) as nights,
      sum(
        app_hidden.weekend_nights_before(upper(n)) - app_hidden.weekend_nights_before(lower(n))
      ) as weekend_nights
    from unnest(b.nights - coalesce((
      select range_agg(d.nights) from app_public.dated_rates d where d.listing_id = r.listing_id
    ), '{}')) n
  ) plain
  where r.listing_id = nightly_floor.listing_id
$$;

comment on function app_hidden.nightly_floor(uuid) is
  'The least rate of a night of a listing that can be booked from today on.';
