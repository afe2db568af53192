-- A stay that can be booked now at the host's that everybody can sign in as: the first of theirs
-- that a search in Lisbon finds for a weekend a month ahead.
select
  r.listing_id as "listingId", l.title, l.city,
  stay.check_in::text as "checkIn", stay.check_out::text as "checkOut", 2 as guests,
  r.currency, r.total_amount::text as "totalAmount",
  box.west, box.south, box.east, box.north
from (
  select d as check_in, d + 3 as check_out
  from (
    select (app_hidden.clock() at time zone 'UTC')::date + 30 as day
  ) t
  cross join lateral (select t.day + (12 - extract(dow from t.day)::integer) % 7 as d) friday
) stay
cross join (values (-9.20, 38.69, -9.10, 38.76)) box (west, south, east, north)
cross join lateral app_public.search_listings(
  box.west, box.south, box.east, box.north, stay.check_in, stay.check_out, 2,
  instant_only => true, page_size => 100
) with ordinality r
join app_public.listings l on l.id = r.listing_id
join app_public.user_contacts h on h.user_id = l.host_id and h.email = 'host@staybase.example'
order by r.ordinality
limit 1
