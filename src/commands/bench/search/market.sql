/*
 * An invented market of current_setting('bench.listings') listings, written in bulk with triggers
 * off (the connection has session_replication_role = replica): 300 clustered cities of which the
 * biggest has 4 % of all, some fifteen claims a listing, dated rates for 30 %. The projection is
 * built afterwards by the product's own rebuild_search().
 */
select setseed(0.42);

create schema bench;

create table bench.cities as
with weights as (
  select i as number, case when i = 1 then 0 else (i + 5) ^ -0.9 end as weight
  from generate_series(1, 300) i
), shares as (
  select w.number,
    case w.number when 1 then 0.04 else 0.96 * w.weight / sum(w.weight) over () end as share
  from weights w
)
select
  s.number,
  s.share,
  sum(s.share) over (order by s.number) - s.share as share_before,
  case s.number when 1 then 2.35 else -170 + 340 * random() end as longitude,
  case s.number when 1 then 48.86 else -45 + 105 * random() end as latitude
from shares s;

insert into app_public.users (display_name, host_since)
select 'Host ' || i, now()
from generate_series(1, greatest(1, current_setting('bench.listings')::integer / 10)) i;

create table bench.hosts as
select row_number() over () as number, u.id from app_public.users u;
alter table bench.hosts add primary key (number);

-- Half of a city lives within a few kilometres of its centre, half further out. Degrees of latitude
-- have 111 km.
create table bench.plan as
select
  uuidv7() as id,
  n as number,
  1 + (n * 7919::bigint) % (select count(*) from bench.hosts) as host_number,
  c.number as city,
  c.longitude + random_normal(0, d.km) / (111.32 * cos(radians(c.latitude))) as longitude,
  c.latitude + random_normal(0, d.km) / 111.32 as latitude,
  random() as quality,
  (4 + 8 * random() ^ 2)::integer as amenity_level,
  1 + (random() ^ 2 * 7)::integer as max_guests,
  random() < 0.3 as has_dated_rates
from generate_series(1, current_setting('bench.listings')::integer) n
cross join lateral (select random() + 0 * n as draw) r
join bench.cities c on r.draw >= c.share_before and r.draw < c.share_before + c.share
cross join lateral (select case when (n * 31) % 2 = 0 then 3 else 10 end as km) d;

insert into app_public.listings (
  id, host_id, status, title, description, house_rules, type, max_guests, bedrooms, beds,
  booking_mode,
  min_nights, max_nights, advance_notice_hours, preparation_days, time_zone, country_code, city,
  public_longitude, public_latitude, review_count, review_rating_sum, published_at
)
select
  p.id, h.id, 'published', 'Invented place ' || p.number || ' in city ' || p.city,
  repeat('A place that nobody has ever seen. ', 8), 'Be kind.',
  (array['entire_home', 'private_room', 'shared_room', 'hotel_room'])[
    1 + (random() ^ 2 * 3)::integer
  ]
    ::app_public.listing_type,
  p.max_guests, 1 + p.max_guests / 3, 1 + p.max_guests / 2,
  case when random() < 0.7 then 'instant' else 'request' end::app_public.booking_mode,
  1 + (random() ^ 2 * 3)::integer, 365, 0, (random() ^ 4 * 2)::integer, 'Europe/Paris', 'FR',
  'City ' || p.city,
  p.longitude, p.latitude, r.count,
  least(5 * r.count, greatest(r.count, round(r.count * (3.6 + 1.4 * p.quality)))),
  now()
from bench.plan p
join bench.hosts h on h.number = p.host_number
cross join lateral (select (random() ^ 3 * 120)::integer + 0 * p.number as count) r
order by p.number;

insert into app_public.listing_rates (
  listing_id, currency, nightly_amount, weekend_nightly_amount, cleaning_fee_amount,
  extra_guest_fee_amount, guests_included, has_dated_rates
)
select
  p.id, 'EUR', r.nightly, case when random() < 0.5 then r.nightly * 6 / 5 end,
  (random() * 60)::integer * 100, case when random() < 0.5 then 1500 else 0 end,
  greatest(1, p.max_guests - 2), p.has_dated_rates
from bench.plan p
cross join lateral (
  select 100 * (30 + 60 * p.quality + 150 * random() ^ 3 + 20 * p.max_guests)::bigint as nightly
) r
order by p.number;

insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
select p.id, daterange(s.first, s.first + 21), 'EUR', r.nightly_amount * (100 + 25 * s.n) / 100
from bench.plan p
join app_public.listing_rates r on r.listing_id = p.id
cross join lateral (
  select n, current_date + 60 * n + (random() * 30)::integer + 0 * p.number::integer as first
  from generate_series(1, 2) n
) s
where p.has_dated_rates
order by p.number;

insert into app_public.listing_amenities (listing_id, amenity_code)
select p.id, a.code
from bench.plan p
cross join app_public.amenities a
where hashtextextended(a.code, p.number) % 12 between 0 and p.amenity_level
  or a.code in ('wifi', 'essentials');

insert into app_public.listing_photos (listing_id, url, position)
select p.id, 'https://photos.example/' || p.number || '/' || n, n
from bench.plan p
cross join lateral generate_series(1, 1 + (p.number % 4)::integer) n;

-- Slots of eighteen days, in each at most one stay; the same random numbers for claims and what
-- they make taken.
create table bench.stays as
select p.id as listing_id, daterange(s.starts_on, s.starts_on + s.nights) as nights
from bench.plan p
cross join lateral (
  select
    current_date - 108 + 18 * k + (random() * 5)::integer as starts_on,
    3 + (random() * 9)::integer as nights,
    random() + 0 * p.number as use
  from generate_series(0, 25) k
) s
where s.use < 0.58;

insert into app_hidden.listing_availability (
  listing_id, unit_number, taken, min_nights, max_nights, advance_notice_hours,
  booking_window_days, preparation_days, check_in_from, time_zone, currency, charge_step,
  nightly_amount, weekend_nightly_amount, cleaning_fee_amount, extra_guest_fee_amount,
  guests_included, has_dated_rates
)
select l.id, 1, coalesce(s.taken, '{}'), l.min_nights, l.max_nights, l.advance_notice_hours,
  l.booking_window_days, l.preparation_days, l.check_in_from, l.time_zone, r.currency, 1,
  r.nightly_amount, r.weekend_nightly_amount, r.cleaning_fee_amount, r.extra_guest_fee_amount,
  r.guests_included, r.has_dated_rates
from app_public.listings l
join app_public.listing_rates r on r.listing_id = l.id
left join (
  select listing_id, range_agg(nights) as taken from bench.stays group by listing_id
) s on s.listing_id = l.id
order by l.id;
