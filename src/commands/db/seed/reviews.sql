/*
 * Most past stays have a review; of the known guest's, the last one has none, so that there is one
 * to write.
 */
insert into app_public.reviews (
  booking_id, listing_id, direction, author_id, subject_id, rating,
  cleanliness_rating, accuracy_rating, check_in_rating, communication_rating, location_rating,
  value_rating,
  comment, published_at, created_at
)
select
  s.booking_id, s.listing_id, 'guest_to_host', s.guest_id, s.host_id, r.rating,
  least(5, r.rating + pg_temp.roll('cleanliness ' || s.key, 2)), r.rating,
  least(5, r.rating + pg_temp.roll('check-in ' || s.key, 2)),
  least(5, r.rating + pg_temp.roll('communication ' || s.key, 2)),
  least(5, r.rating + pg_temp.roll('location ' || s.key, 2)), r.rating,
  case
    when r.rating = 5 then pg_temp.pick('comment ' || s.key, array[
      'We would have stayed another week. Everything was as described, only better.',
      'Wonderful host, lovely place. The breakfast tip alone was worth the trip.',
      'Spotless, quiet and close to everything we wanted to see.',
      'One of the best places we have stayed in. Thank you!'
    ])
    when r.rating = 4 then pg_temp.pick('comment ' || s.key, array[
      'A good stay. The street is lively at night, but the bedroom looks to the back.',
      'Friendly and clean. The stairs are steep with luggage.',
      'Nice place at a fair price; more hooks in the bathroom would be welcome.'
    ])
    when r.rating = 3 then pg_temp.pick('comment ' || s.key, array[
      'Fine for two nights. Smaller than the photos suggest.',
      'The place is all right, but the Wi-Fi gave up every evening.'
    ])
    else pg_temp.pick('comment ' || s.key, array[
      'We waited an hour for the key, and the heating did not work.',
      'Not as clean as we had hoped. The host did offer to send somebody.'
    ])
  end,
  s.reviewed_at, s.reviewed_at
from (
  select
    s.*,
    least(
      (s.check_out + 1 + pg_temp.roll('reviewed ' || s.key, 5))::timestamp at time zone 'UTC',
      app_hidden.clock()
    ) as reviewed_at,
    row_number() over (partition by s.guest_id order by s.check_out desc) as from_last
  from demo_stays s
  where s.is_past
) s
cross join lateral (
  select case
    when m.mood < 8 then 2
    when m.mood < 30 then 3
    when m.mood < 85 then 4
    else 5
  end as rating
  from (select (s.quality + 2 * pg_temp.roll('mood ' || s.key, 100)) / 2 as mood) m
) r
where pg_temp.roll('reviews ' || s.key, 100) < 80
  and not (s.guest_number = 1 and s.from_last = 1)
order by s.number;
