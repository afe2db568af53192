/*
 * The nights that some stay from today on could have, by the rules of stay_keeps_restrictions() and
 * free_units(). It depends on the local date alone, so that a daily job keeps what is derived from
 * it: notice is counted from the begin of today, and what tomorrow's booking window adds is there
 * already. A hold may end without a write, so its nights count as free.
 */
create or replace function app_hidden.bookable_nights(listing_id uuid) returns datemultirange
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    range_agg(daterange(lower(free), upper(free) - a.preparation_days)), '{}'
  )
  from app_hidden.listing_availability a
  cross join lateral (
    select app_hidden.local_today(a.time_zone) as today, greatest(
      ceil((a.advance_notice_hours - extract(epoch from a.check_in_from) / 3600) / 24), 0
    )::integer as notice_days
  ) t
  cross join lateral unnest(
    datemultirange(daterange(
      t.today + t.notice_days,
      t.today + greatest(a.booking_window_days + 1, t.notice_days)
        + a.max_nights + a.preparation_days
    )) - coalesce((
      select range_agg(c.nights) from app_public.calendar_claims c
      where c.listing_id = a.listing_id and c.unit_number = a.unit_number and c.kind <> 'hold'
        and c.nights && daterange(t.today, null)
    ), '{}')
  ) free
  where a.listing_id = bookable_nights.listing_id
    and lower(free) <= t.today + a.booking_window_days + 1
    and upper(free) - lower(free) >= a.min_nights + a.preparation_days
$$;

comment on function app_hidden.bookable_nights(uuid) is
  'The nights of a listing that can be booked from today on.';
