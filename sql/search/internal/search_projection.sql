/*
 * What search_cells must hold, for one listing or (null) for all: the truth that triggers keep it
 * to and that search_drift() compares with.
 *
 * score, the order of relevance, is at most some 60,000: the average rating pulled towards 4.5 by
 * ten imagined reviews (imported ones count half, or not at all where their rating did not come),
 * in ten-thousandths; up to 1,000 for the number of reviews, up to 500 for photos, 200 for instant
 * booking.
 */
create or replace function app_hidden.search_projection(only_listing_id uuid default null)
returns setof app_hidden.search_cells
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Materialized, or each of the six levels would compute them again.
  with facts as materialized (
    select
      l.id,
      l.public_longitude,
      l.public_latitude,
      l.max_guests,
      c.number as currency_number,
      case when r.has_dated_rates or r.weekend_nightly_amount is not null
        then app_hidden.nightly_floor(l.id)
        else r.nightly_amount
      end as nightly_floor_amount,
      (round(10000 * (l.review_rating_sum + coalesce(i.rating * i.review_count, 0) / 2 + 45)
        / (l.review_count + coalesce(i.review_count, 0) / 2.0 + 10))
        + least(l.review_count + coalesce(i.review_count, 0) / 2, 50) * 20
        + (
          select least(count(*), 20) * 25 from app_public.listing_photos p
          where p.listing_id = l.id
        )
        + case l.booking_mode when 'instant' then 200 else 0 end
      )::integer as score,
      (select coalesce(bit_or(1::bigint << b.bit), 0) from app_hidden.search_bits b
        where case b.kind
          when 'type' then b.code = l.type::text
          when 'booking_mode' then b.code = l.booking_mode::text
          when 'rating' then l.review_count > 0
            and l.review_rating_sum >= b.code::numeric * l.review_count
        end
      ) | (select coalesce(bit_or(1::bigint << b.bit), 0)
        from app_public.listing_amenities a
        join app_hidden.search_bits b on b.kind = 'amenity' and b.code = a.amenity_code
        where a.listing_id = l.id
      ) as attrs
    from app_public.listings l
    join app_public.listing_rates r on r.listing_id = l.id
    join app_public.currencies c on c.code = r.currency
    left join app_hidden.imported_review_scores i on i.listing_id = l.id and i.rating is not null
    where l.status = 'published' and l.public_longitude is not null
      and (search_projection.only_listing_id is null or l.id = search_projection.only_listing_id)
  )
  select
    -- A square of a coarser level begins with the first bits, two a level.
    (level::bigint << 52) | (m.morton >> (2 * (13 - level))),
    f.score, f.id,
    round(f.public_longitude * 1e6)::integer, round(f.public_latitude * 1e6)::integer,
    f.nightly_floor_amount, f.attrs, f.max_guests, f.currency_number
  from facts f
  cross join lateral (
    select app_hidden.search_cell(
      0,
      floor(app_hidden.mercator_x(f.public_longitude) * (1 << 13))::integer,
      floor(app_hidden.mercator_y(f.public_latitude) * (1 << 13))::integer
    ) as morton
    offset 0
  ) m
  cross join unnest(array[0, 5, 7, 9, 11, 13]) level
$$;

comment on function app_hidden.search_projection(uuid) is
  'The rows that search_cells must have, for one listing or for all.';
