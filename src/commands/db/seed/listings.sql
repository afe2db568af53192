/*
 * Six hundred listings, as drafts: publish.sql shows them when they are complete, so that search is
 * told once of each.
 */
create temporary table demo_listings on commit drop as
with placed as (
  select
    row_number() over (order by c.number, n)::integer as number,
    n as number_in_city,
    c as city
  from demo_cities c
  cross join lateral generate_series(1, c.listing_count) n
), shaped as (
  select
    p.*,
    case when pg_temp.roll('mode ' || p.number, 100) < 85 then 'instant' else 'request' end
      as booking_mode,
    case
      when kind.roll < 62 then 'entire_home'
      when kind.roll < 86 then 'private_room'
      when kind.roll < 91 then 'shared_room'
      else 'hotel_room'
    end as type,
    1 + pg_temp.roll('bedrooms ' || p.number, 100) * pg_temp.roll('size ' || p.number, 100) / 2600
      as bedrooms
  from placed p
  cross join lateral (select pg_temp.roll('type ' || p.number, 100) as roll) kind
)
select
  pg_temp.demo_id('listing', s.number) as id,
  s.number,
  s.number_in_city,
  (s.city).city,
  (s.city).region,
  (s.city).country_code,
  (s.city).time_zone,
  (s.city).currency,
  (s.city).rate_step,
  (s.city).least_steps,
  (s.city).most_steps,
  s.booking_mode,
  s.type,
  case s.type when 'entire_home' then s.bedrooms else 1 end as bedrooms,
  case s.type
    when 'entire_home' then 2 * s.bedrooms + pg_temp.roll('sofa ' || s.number, 2)
    when 'shared_room' then 1
    else 2 + pg_temp.roll('sofa ' || s.number, 2)
  end as max_guests,
  case s.type
    when 'hotel_room' then 2 + pg_temp.roll('units ' || s.number, 4)
    else 1
  end as unit_count,
  case
    when s.number_in_city < (s.city).listing_count then 'published'
    when (s.city).number % 2 = 0 then 'draft'
    else 'paused'
  end as final_status,
  -- How good a place it is, from 0 to 99: guests rate it and its rate rises accordingly.
  pg_temp.roll('quality ' || s.number, 100) as quality,
  h.id as host_id,
  a.area,
  a.street,
  a.longitude,
  a.latitude
from shaped s
-- What can be booked at once in Lisbon is all the known host's: whoever follows the README books
-- there, and then signs in as that host to see the booking.
join demo_people h on h.role = 'host' and h.number_in_role = case
  when (s.city).city = 'Lisbon' and s.booking_mode = 'instant' then 1
  else 12 * pg_temp.roll('host ' || s.number, 5) + (s.city).number
end
join demo_areas a on a.city = (s.city).city and a.number_in_city
  = 1 + pg_temp.roll('area ' || s.number, a.areas_in_city);

insert into app_public.listings (
  id, host_id, title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
  unit_count,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days, created_at
)
select
  l.id,
  l.host_id,
  pg_temp.pick('adjective ' || l.number, array[
    'Sunny', 'Quiet', 'Bright', 'Cosy', 'Spacious', 'Charming', 'Calm', 'Modern', 'Restored',
    'Airy', 'Snug',
    'Light-filled'
  ]) || ' ' || case l.type
    when 'entire_home' then case
      when l.bedrooms > 2
        then pg_temp.pick('noun ' || l.number, array['family home', 'townhouse', 'duplex'])
      else pg_temp.pick(
        'noun ' || l.number, array['apartment', 'loft', 'studio', 'flat', 'hideaway']
      )
    end
    when 'private_room'
      then pg_temp.pick('noun ' || l.number, array['room', 'guest room', 'garden room'])
    when 'shared_room' then pg_temp.pick('noun ' || l.number, array['bunk', 'shared room'])
    else pg_temp.pick('noun ' || l.number, array['hotel room', 'boutique room', 'guesthouse room'])
  end || ' ' || pg_temp.pick('feature ' || l.number, array[
    'with a view', 'with a balcony', 'near the market', 'on a quiet street', 'close to everything',
    'by the park',
    'with a reading corner', 'under the roof'
  ]) || ' in ' || l.area,
  'You stay in ' || l.area || ', ' || l.city || ', '
    || pg_temp.pick('walk ' || l.number, array[
      'five minutes from the nearest café', 'a short walk from the main square',
      'between a bakery and a bookshop',
      'around the corner from the station', 'where the neighbours still greet you'
    ]) || '. ' || pg_temp.pick('inside ' || l.number, array[
      'The rooms are high, the beds are good and the shower is hot.',
      'Everything was renewed last year, only the old floor stayed.',
      'Mornings are bright here, evenings are quiet.',
      'There is a proper kitchen and a table long enough for everybody.',
      'The windows look onto a courtyard with a lemon tree.'
    ]) || ' ' || pg_temp.pick('host note ' || l.number, array[
      'I live nearby and help when something is missing.',
      'You find my favourite places in a folder on the shelf.',
      'Tell me when you arrive and I will have the heating or the fan on.',
      'Late arrivals are fine, the key box has a light.'
    ]),
  pg_temp.pick('rules ' || l.number, array[
    'No parties. Quiet from 22:00 to 07:00. Please take your shoes off.',
    'No smoking inside. Please separate the waste. Quiet after 22:00.',
    'No unannounced visitors overnight. Leave the place as you found it.',
    'Children are welcome. No open fire. Close the windows when you go out.'
  ]),
  l.type::app_public.listing_type,
  l.max_guests,
  l.bedrooms,
  greatest(1, (l.max_guests + 1) / 2),
  case when l.bedrooms > 2 then 2 when l.bedrooms = 2 then 1.5 else 1 end,
  l.unit_count,
  l.booking_mode::app_public.booking_mode,
  pg_temp.pick(
    'policy ' || l.number,
    array['flexible', 'flexible', 'moderate', 'moderate', 'firm', 'strict']
  )
    ::app_public.cancellation_policy,
  pg_temp.pick('in ' || l.number, array['14:00', '15:00', '15:00', '16:00'])::time,
  pg_temp.pick('out ' || l.number, array['10:00', '11:00', '11:00', '12:00'])::time,
  pg_temp.pick('least ' || l.number, array['1', '1', '1', '2', '2', '3', '4'])::smallint,
  pg_temp.pick('most ' || l.number, array['14', '28', '60', '90', '365'])::smallint,
  pg_temp.pick('notice ' || l.number, array['0', '0', '0', '12', '24', '48'])::smallint,
  pg_temp.pick('window ' || l.number, array['90', '180', '365', '365'])::smallint,
  pg_temp.pick('preparation ' || l.number, array['0', '0', '0', '1', '2'])::smallint,
  app_hidden.clock() - make_interval(days => 300 + pg_temp.roll('listed ' || l.number, 90))
from demo_listings l
order by l.number;

-- The public places are drawn; with a seed they too are the same everywhere. Those of real listings
-- are secret.
select setseed(0.4);
select count(app_hidden.write_listing_address(
  l.id,
  l.street || ' ' || 1 + pg_temp.roll('house ' || l.number, 120),
  l.city, l.country_code, l.time_zone,
  place.public_longitude, place.public_latitude,
  null, l.region, 'Ring twice. The staircase is on the left.'
))
from demo_listings l
cross join lateral app_hidden.offset_place(
  l.longitude, l.latitude,
  radians(pg_temp.roll('direction ' || l.number, 360)),
  pg_temp.roll('from centre ' || l.number, 900)
) place;

insert into app_public.listing_rates (
  listing_id, currency, nightly_amount, weekend_nightly_amount, cleaning_fee_amount,
  extra_guest_fee_amount, guests_included
)
select
  l.id,
  l.currency,
  r.steps * l.rate_step,
  case when pg_temp.roll('weekend ' || l.number, 100) < 55
    then (r.steps + 1 + r.steps / 5) * l.rate_step end,
  case l.type when 'entire_home' then (2 + r.steps / 3) * l.rate_step else 0 end,
  case when l.max_guests > 2 then (1 + r.steps / 12) * l.rate_step else 0 end,
  greatest(1, least(l.max_guests - 1, 2 * l.bedrooms))
from demo_listings l
cross join lateral (
  select case l.type
    when 'entire_home' then p.steps + p.steps * (l.bedrooms - 1) / 3
    when 'shared_room' then greatest(3, p.steps / 3)
    else greatest(5, p.steps * 2 / 3)
  end as steps
  from (
    select l.least_steps + (l.most_steps - l.least_steps)
      * (l.quality + pg_temp.roll('rate ' || l.number, 100)) / 400 as steps
  ) p
) r
order by l.number;

-- A third has a season of its own; some also a festival, at twice the rate.
insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
select
  l.id,
  daterange(pg_temp.today() + s.first_day, pg_temp.today() + s.first_day + s.night_count),
  l.currency,
  r.nightly_amount * s.percent / 100 / l.rate_step * l.rate_step + l.rate_step
from demo_listings l
join app_public.listing_rates r on r.listing_id = l.id
cross join lateral (
  select 50 + pg_temp.roll('season ' || l.number, 40) as first_day, 30 as night_count,
    130 as percent
  where pg_temp.roll('has season ' || l.number, 100) < 33
  union all
  select 130 + pg_temp.roll('festival ' || l.number, 10), 4, 200
  where pg_temp.roll('has festival ' || l.number, 100) < 12
) s
order by l.number, s.first_day;

insert into app_public.listing_amenities (listing_id, amenity_code)
select l.id, a.code
from demo_listings l
cross join app_public.amenities a
where pg_temp.roll(a.code || l.number, 100) < case
  when a.code in ('wifi', 'essentials', 'smoke_alarm', 'bed_linens', 'hot_water') then 92
  when a.code = 'kitchen' then case l.type when 'hotel_room' then 5 else 85 end
  when a.code in ('washer', 'tv', 'heating', 'refrigerator', 'hair_dryer', 'hangers') then 55
  when a.code in ('pool', 'hot_tub', 'ev_charger', 'smoking_allowed', 'indoor_fireplace') then 6
  when a.code in ('beach_access', 'waterfront')
    then case when l.city in ('Rio de Janeiro', 'Cape Town', 'Taveuni') then 45 else 2 end
  else 24
end
order by l.number, a.code;

insert into app_public.listing_photos (listing_id, url, caption, position)
select
  l.id,
  'https://picsum.photos/seed/staybase-' || l.number || '-' || n || '/1200/800',
  (array[
    'Where you sleep', 'Where you cook', 'The bathroom', 'The street', 'The view', 'Details'
  ])[n],
  n - 1
from demo_listings l
cross join lateral generate_series(1, 3 + pg_temp.roll('photos ' || l.number, 4)) n
where l.final_status <> 'draft'
order by l.number, n;
