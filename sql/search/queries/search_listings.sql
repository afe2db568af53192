/*
 * One page of search, by relevance. The box's map squares, each walked in the order of its score,
 * are merged; candidates that pass what the projection knows are asked whether they are free, and
 * for the exact total, one by one, until the page is full. Pages are keyed by (score, listing_id),
 * so no page costs more than the first.
 *
 * The planner cannot see through masks and multiranges; with its default settings it would rather
 * sort everything than stop early. The settings below hold for this function alone, and for the
 * helpers it calls, which set none of their own. Runs as the owner: the projection has public facts
 * only, and overlap tests cannot use an index under row-level security.
 */
create or replace function app_public.search_listings(
  west double precision,
  south double precision,
  east double precision,
  north double precision,
  check_in date default null,
  check_out date default null,
  guests integer default 1,
  amenities text[] default '{}',
  types app_public.listing_type[] default '{}',
  instant_only boolean default false,
  minimum_rating numeric default null,
  currency text default null,
  min_amount bigint default null,
  max_amount bigint default null,
  page_size integer default 20,
  after text default null
) returns setof app_public.search_result
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_bitmapscan = off
set enable_seqscan = off
set enable_sort = off
as $$
declare
  v_nights integer := search_listings.check_out - search_listings.check_in;
  v_currency_number smallint;
  v_instant bigint := app_hidden.search_mask('booking_mode', '{instant}');
  v_need bigint := 0;
  v_any bigint := -1;
  v_score integer := 2147483647;
  v_listing_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_cells bigint[];
  v_west integer;
  v_east integer;
  v_south integer;
  v_north integer;
  v_width integer;
  v_least bigint := 0;
  v_most bigint := 9223372036854775807;
  v_least_total bigint := coalesce(search_listings.min_amount, 0);
  v_most_total bigint := coalesce(search_listings.max_amount, 9223372036854775807);
begin
  perform app_hidden.check_search(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north,
    search_listings.check_in, search_listings.check_out, search_listings.guests,
    search_listings.currency, search_listings.min_amount, search_listings.max_amount,
    search_listings.page_size, search_listings.after
  );
  -- Nothing can be booked so far ahead or takes so many: no need to look through the whole market.
  if search_listings.check_in > app_hidden.clock()::date + 732 or search_listings.guests > 16 then
    return;
  end if;
  if search_listings.after is not null then
    v_score := split_part(search_listings.after, '.', 1)::integer;
    v_listing_id := split_part(search_listings.after, '.', 2)::uuid;
  end if;
  if search_listings.currency is not null then
    select c.number into v_currency_number from app_public.currencies c
    where c.code = search_listings.currency;
  end if;
  if cardinality(search_listings.amenities) > 0 then
    v_need := app_hidden.search_mask('amenity', search_listings.amenities);
  end if;
  if search_listings.instant_only then
    v_need := v_need | v_instant;
  end if;
  if search_listings.minimum_rating is not null then
    v_need := v_need | app_hidden.search_rating_mask(search_listings.minimum_rating);
  end if;
  if cardinality(search_listings.types) > 0 then
    v_any := app_hidden.search_mask('type', search_listings.types::text[]);
  end if;
  if v_nights is null then
    v_least := coalesce(search_listings.min_amount, v_least);
    v_most := coalesce(search_listings.max_amount, v_most);
  elsif search_listings.max_amount is not null then
    -- A total is at least its nights at the lowest rate and the fee on them, whose rounding takes
    -- off at most 5.
    select floor(
      (search_listings.max_amount + 5.0) * 10000 / (10000 + f.guest_service_fee_bps) / v_nights
    )
    into v_most
    from app_hidden.fees_in_force() f;
  end if;
  v_west := round(search_listings.west * 1e6);
  v_east := round(search_listings.east * 1e6);
  v_south := round(search_listings.south * 1e6);
  v_north := round(search_listings.north * 1e6);
  v_cells := app_hidden.search_windows(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north
  );
  v_width := v_east - v_west + case when v_west > v_east then 360000000 else 0 end;

  return query
  select
    page.listing_id,
    page.longitude_e6 / 1e6::double precision,
    page.latitude_e6 / 1e6::double precision,
    coalesce(
      search_listings.currency,
      (select c.code from app_public.currencies c where c.number = page.currency_number)
    ),
    page.nightly_floor_amount,
    v_nights,
    page.total_amount,
    page.score || '.' || page.listing_id,
    case when page.attrs & v_instant = v_instant then 'instant' else 'request' end
      ::app_public.booking_mode
  from (
    select found.*, price.total_amount
    from (
      select * from app_hidden.search_candidates(
        v_cells[1], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[2], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[3], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[4], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
    ) found
    -- Without dates a null id finds nothing, without looking.
    left join lateral app_hidden.price_stay(
      case when v_nights is not null then found.listing_id end,
      search_listings.check_in, search_listings.check_out, search_listings.guests, only_free => true
    ) price on true
    where v_nights is null
      or (price.total_amount >= v_least_total and price.total_amount <= v_most_total)
    order by found.score desc, found.listing_id desc
    limit search_listings.page_size
  ) page
  order by page.score desc, page.listing_id desc;
end
$$;

grant execute on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) to :DATABASE_VISITOR;

comment on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) is
  'Published listings inside a box in degrees (west > east crosses the date line), most relevant '
  'first; with dates, only those that can be booked or asked for, with the exact total. Amounts to '
  'search by need a currency; with dates they are totals of the stay, without dates nightly rates. '
  'At most 100 a page; what comes after the cursor of the last result is the next page.';
