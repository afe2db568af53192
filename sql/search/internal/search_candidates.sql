/*
 * The listings of one map square that pass what can be judged by the projection alone, in the order
 * of their score, from behind a given one. One index-only scan, backwards; the caller merges some
 * of these and stops early.
 *
 * Longitudes are counted east from the box's western edge, which is right on both sides of the date
 * line. The place behind the given listing is written without a row comparison, which the index
 * would evaluate for every entry. The case keeps the tests in this order, what rules out most
 * first; left to itself the planner puts the cheapest first, which makes a page a tenth slower.
 * Kept such that the planner inlines it: language sql, stable, no
 * set clause, called in FROM.
 */
create or replace function app_hidden.search_candidates(
  cell bigint, after_score integer, after_listing_id uuid,
  west_e6 integer, width_e6 integer, south_e6 integer, north_e6 integer,
  guests integer, need bigint, any_of bigint, currency_number smallint,
  least_amount bigint, most_amount bigint
) returns table (
  score integer,
  listing_id uuid,
  longitude_e6 integer,
  latitude_e6 integer,
  nightly_floor_amount bigint,
  currency_number smallint,
  attrs bigint
)
language sql stable
as $$
  select s.score, s.listing_id, s.longitude_e6, s.latitude_e6, s.nightly_floor_amount,
    s.currency_number, s.attrs
  from app_hidden.search_cells s
  where s.cell = search_candidates.cell
    and s.score <= search_candidates.after_score
    and case when s.attrs & search_candidates.need = search_candidates.need then
      s.latitude_e6 between search_candidates.south_e6 and search_candidates.north_e6
      and (s.longitude_e6 - search_candidates.west_e6 + 360000000) % 360000000
        <= search_candidates.width_e6
      and s.nightly_floor_amount
        between search_candidates.least_amount and search_candidates.most_amount
      and s.max_guests >= search_candidates.guests
      and s.attrs & search_candidates.any_of <> 0
      and (search_candidates.currency_number is null
        or s.currency_number = search_candidates.currency_number)
      and (s.score < search_candidates.after_score
        or s.listing_id < search_candidates.after_listing_id)
    else false end
  order by s.score desc, s.listing_id desc
$$;

comment on function app_hidden.search_candidates(
  bigint, integer, uuid, integer, integer, integer, integer, integer, bigint, bigint, smallint,
  bigint, bigint
) is 'Listings of one map square that fit as far as the projection knows, best first.';
