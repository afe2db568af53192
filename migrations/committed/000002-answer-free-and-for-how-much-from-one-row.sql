--! Previous: sha1:887240a6f6154d25e2d26236331cf0fef37a330a
--! Hash: sha1:248d1387a396fdb0bc7294fea5105444eeffc149
--! Message: answer free and for how much from one row

--! split: 1-current.sql
-- Search asks a candidate whether it is free and for how much: one row answers both.
alter table app_hidden.listing_availability
  add column if not exists currency text,
  add column if not exists charge_step smallint,
  add column if not exists nightly_amount bigint,
  add column if not exists weekend_nightly_amount bigint,
  add column if not exists cleaning_fee_amount bigint,
  add column if not exists extra_guest_fee_amount bigint,
  add column if not exists guests_included smallint,
  add column if not exists has_dated_rates boolean not null default false;
--! Included calendar/tables/listing_availability.sql
/*
 * One row a unit: the guard that whoever takes nights updates first, and the read model that search
 * reads. The nights that are taken are the union of the unit's live claims; a trigger on
 * calendar_claims keeps them, and calendar_drift() recomputes and compares.
 *
 * No index but the key, and room on each page: every update is heap-only, and none disturbs search.
 * The restrictions are copies of the listing's and the rates are copies of listing_rates, kept by
 * triggers, so that "can this stay be taken, and for how much?" reads one row. nightly_amount is
 * null where the listing has no rates.
 */
create table if not exists app_hidden.listing_availability (
  listing_id uuid not null
    constraint listing_availability_listing_id_fkey references app_public.listings on delete cascade,
  unit_number smallint not null,
  taken datemultirange not null default '{}',
  min_nights smallint not null,
  max_nights smallint not null,
  advance_notice_hours smallint not null,
  booking_window_days smallint not null,
  preparation_days smallint not null,
  check_in_from time not null,
  time_zone text,
  currency text,
  charge_step smallint,
  nightly_amount bigint,
  weekend_nightly_amount bigint,
  cleaning_fee_amount bigint,
  extra_guest_fee_amount bigint,
  guests_included smallint,
  has_dated_rates boolean not null default false,

  constraint listing_availability_pkey primary key (listing_id, unit_number)
) with (fillfactor = 70);

alter table app_hidden.listing_availability enable row level security;
alter table app_hidden.listing_availability force row level security;

comment on table app_hidden.listing_availability is
  'Per unit: the nights that are taken, what a stay must keep to, and the rates.';
--! EndIncluded calendar/tables/listing_availability.sql
--! Included pricing/triggers/tg_listing_rates__copy_to_units.sql
/*
 * Search asks each candidate "free, and for how much?": the copy beside the nights that are taken
 * answers both with one look-up. pricing_drift() compares.
 */
create or replace function app_hidden.tg_listing_rates__copy_to_units() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_hidden.listing_availability a
  set currency = NEW.currency,
      charge_step = (
        select c.charge_step from app_public.currencies c where c.code = NEW.currency
      ),
      nightly_amount = NEW.nightly_amount,
      weekend_nightly_amount = NEW.weekend_nightly_amount,
      cleaning_fee_amount = NEW.cleaning_fee_amount,
      extra_guest_fee_amount = NEW.extra_guest_fee_amount,
      guests_included = NEW.guests_included,
      has_dated_rates = coalesce(NEW.has_dated_rates, false)
  where a.listing_id = coalesce(NEW.listing_id, OLD.listing_id);
  return null;
end
$$;

create or replace trigger _310_copy_to_units
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg_listing_rates__copy_to_units();

comment on function app_hidden.tg_listing_rates__copy_to_units() is
  'Copies a listing''s rates to its units, where search reads them.';
--! EndIncluded pricing/triggers/tg_listing_rates__copy_to_units.sql
--! Included pricing/triggers/tg_listing_availability__copy_rates.sql
-- A unit that joins later finds the rates already there.
create or replace function app_hidden.tg_listing_availability__copy_rates() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  select
    r.currency, c.charge_step, r.nightly_amount, r.weekend_nightly_amount, r.cleaning_fee_amount,
    r.extra_guest_fee_amount, r.guests_included, coalesce(r.has_dated_rates, false)
  into
    NEW.currency, NEW.charge_step, NEW.nightly_amount, NEW.weekend_nightly_amount,
    NEW.cleaning_fee_amount, NEW.extra_guest_fee_amount, NEW.guests_included, NEW.has_dated_rates
  from (select NEW.listing_id) unit
  left join app_public.listing_rates r on r.listing_id = unit.listing_id
  left join app_public.currencies c on c.code = r.currency;
  return NEW;
end
$$;

create or replace trigger _110_copy_rates
  before insert on app_hidden.listing_availability
  for each row execute function app_hidden.tg_listing_availability__copy_rates();

comment on function app_hidden.tg_listing_availability__copy_rates() is
  'Gives a new unit the rates of its listing.';
--! EndIncluded pricing/triggers/tg_listing_availability__copy_rates.sql
--! Included pricing/internal/pricing_drift.sql
/*
 * The check that the rates which search and quotes read are those that the host has set. Returns
 * the units where they are not; an empty result is the good answer.
 */
create or replace function app_private.pricing_drift() returns table (listing_id uuid, unit_number smallint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.listing_id, a.unit_number
  from app_hidden.listing_availability a
  left join app_public.listing_rates r on r.listing_id = a.listing_id
  left join app_public.currencies c on c.code = r.currency
  where (
    a.currency, a.charge_step, a.nightly_amount, a.weekend_nightly_amount, a.cleaning_fee_amount,
    a.extra_guest_fee_amount, a.guests_included, a.has_dated_rates
  ) is distinct from (
    r.currency, c.charge_step, r.nightly_amount, r.weekend_nightly_amount, r.cleaning_fee_amount,
    r.extra_guest_fee_amount, r.guests_included, coalesce(r.has_dated_rates, false)
  ) or coalesce(r.has_dated_rates, false) <> exists (
    select from app_public.dated_rates d where d.listing_id = a.listing_id
  )
$$;

grant execute on function app_private.pricing_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.pricing_drift() is
  'Units whose rates differ from their listing''s; none, or something is broken.';
--! EndIncluded pricing/internal/pricing_drift.sql
-- After the triggers, so that a rate changed meanwhile is not lost.
update app_hidden.listing_availability a
set currency = r.currency,
    charge_step = c.charge_step,
    nightly_amount = r.nightly_amount,
    weekend_nightly_amount = r.weekend_nightly_amount,
    cleaning_fee_amount = r.cleaning_fee_amount,
    extra_guest_fee_amount = r.extra_guest_fee_amount,
    guests_included = r.guests_included,
    has_dated_rates = r.has_dated_rates
from app_public.listing_rates r
join app_public.currencies c on c.code = r.currency
where r.listing_id = a.listing_id;
drop function if exists app_hidden.price_stay(uuid, date, date, integer);
--! Included pricing/internal/price_stay.sql
/*
 * The price of a stay, as parts. This one function is behind the total that search shows and behind
 * the quote that is sold, so they agree to the minor unit. With only_free it answers only where a
 * unit can take the stay: search asks both of each candidate, and this reads the row that knows both
 * once.
 *
 * Nights: dated rate, else weekend rate, else base rate. Base and weekend nights are counted, not
 * walked; only listings that have dated rates read them. Fees: cleaning once, extra guests by
 * night; the guest's service fee and the host's commission are shares of what the host earns before
 * them.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM. Each
 * "offset 0" keeps what is below it from being merged with what is above, or every use of an amount
 * would compute it again; "limit 1" does the same, and takes any one of the units.
 */
create or replace function app_hidden.price_stay(
  listing_id uuid, check_in date, check_out date, guests integer, only_free boolean
) returns table (
  currency text,
  base_nights integer,
  base_amount bigint,
  weekend_nights integer,
  weekend_amount bigint,
  dated_nights integer,
  dated_total_amount bigint,
  cleaning_fee_amount bigint,
  extra_guests integer,
  extra_guest_fee_amount bigint,
  subtotal_amount bigint,
  guest_service_fee_amount bigint,
  host_commission_amount bigint,
  total_amount bigint
)
language sql stable
as $$
  select
    p.currency, p.base_nights, p.base_amount, p.weekend_nights, p.weekend_amount,
    p.dated_nights, p.dated_total_amount, p.cleaning_fee_amount, p.extra_guests,
    p.extra_guest_fee_amount, p.subtotal_amount,
    app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step),
    app_hidden.service_fee(p.subtotal_amount, p.host_commission_bps, p.charge_step),
    p.subtotal_amount
      + app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step)
  from (
    select
      n.*,
      n.base_nights * n.base_amount + n.weekend_nights * n.weekend_amount + n.dated_total_amount
        + n.cleaning_fee_amount
        + n.extra_guest_fee_amount * n.extra_guests * (price_stay.check_out - price_stay.check_in)
        as subtotal_amount
    from (
      select
        u.*,
        coalesce(u.dated[1], 0)::integer as dated_nights,
        coalesce(u.dated[3], 0) as dated_total_amount,
        (price_stay.check_out - price_stay.check_in - u.all_weekend_nights
          - coalesce(u.dated[1] - u.dated[2], 0))::integer as base_nights,
        (u.all_weekend_nights - coalesce(u.dated[2], 0))::integer as weekend_nights
      from (
        select
          a.currency,
          a.charge_step,
          a.nightly_amount as base_amount,
          coalesce(a.weekend_nightly_amount, a.nightly_amount) as weekend_amount,
          a.cleaning_fee_amount,
          greatest(price_stay.guests - a.guests_included, 0) as extra_guests,
          a.extra_guest_fee_amount,
          -- Asked for in a query of its own, for that runs once and not once a listing.
          (select app_hidden.weekend_nights_before(price_stay.check_out)
            - app_hidden.weekend_nights_before(price_stay.check_in)) as all_weekend_nights,
          -- Nights with a rate of their own, those of them at weekends, and what they cost.
          case when a.has_dated_rates then (
            select array[
              sum(o.ends - o.starts),
              sum(app_hidden.weekend_nights_before(o.ends) - app_hidden.weekend_nights_before(o.starts)),
              sum(o.nightly_amount * (o.ends - o.starts))::bigint
            ]
            from (
              select
                d.nightly_amount,
                greatest(lower(d.nights), price_stay.check_in) as starts,
                least(upper(d.nights), price_stay.check_out) as ends
              from app_public.dated_rates d
              where d.listing_id = a.listing_id
                and d.currency = a.currency
                and upper(d.nights) > price_stay.check_in
                and lower(d.nights) < price_stay.check_out
            ) o
          ) end as dated,
          (select f.guest_service_fee_bps from app_hidden.platform_fees f
            where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
          ) as guest_service_fee_bps,
          (select f.host_commission_bps from app_hidden.platform_fees f
            where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
          ) as host_commission_bps
        from app_hidden.listing_availability a
        where a.listing_id = price_stay.listing_id
          and a.nightly_amount is not null
          and (
            not price_stay.only_free
            or (
              not a.taken && app_hidden.claim_window(
                price_stay.check_in, price_stay.check_out, a.preparation_days
              )
              and app_hidden.stay_keeps_restrictions(a, price_stay.check_in, price_stay.check_out)
            )
          )
        limit 1
      ) u
      offset 0
    ) n
    offset 0
  ) p
$$;

comment on function app_hidden.price_stay(uuid, date, date, integer, boolean) is
  'The price of a stay in minor units, as parts; no row where the listing has no rates or, with only_free, no unit can take it.';
--! EndIncluded pricing/internal/price_stay.sql
--! Included pricing/internal/price_lines.sql
/*
 * The line items of a stay. Nights at the same rate by the same rule are one line; a share is one
 * line of quantity 1.
 */
create or replace function app_hidden.price_lines(
  listing_id uuid, check_in date, check_out date, guests integer
) returns setof app_public.price_line
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with price as (
    select * from app_hidden.price_stay(
      price_lines.listing_id, price_lines.check_in, price_lines.check_out, price_lines.guests,
      only_free => false
    )
  ),
  fees as (
    select * from app_hidden.platform_fees f
    where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
  ),
  lines (position, code, rule, unit_amount, quantity, payer, payee) as (
    select 1, 'nights', 'base_rate', p.base_amount, p.base_nights, 'guest', 'host' from price p
    union all
    select 2, 'nights', 'weekend_rate', p.weekend_amount, p.weekend_nights, 'guest', 'host' from price p
    union all
    select 3, 'nights', 'dated_rate', d.nightly_amount, sum(
      least(upper(d.nights), price_lines.check_out) - greatest(lower(d.nights), price_lines.check_in)
    )::integer, 'guest', 'host'
    from app_public.dated_rates d
    where d.listing_id = price_lines.listing_id
      and d.nights && daterange(price_lines.check_in, price_lines.check_out)
    group by d.nightly_amount
    union all
    select 4, 'cleaning_fee', 'cleaning_fee', p.cleaning_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 5, 'extra_guest_fee', 'extra_guest_fee', p.extra_guest_fee_amount,
      p.extra_guests * (price_lines.check_out - price_lines.check_in), 'guest', 'host' from price p
    union all
    select 6, 'guest_service_fee', round(f.guest_service_fee_bps / 100.0, 2) || '%',
      p.guest_service_fee_amount, 1, 'guest', 'platform' from price p, fees f
    union all
    select 7, 'host_commission', round(f.host_commission_bps / 100.0, 2) || '%',
      p.host_commission_amount, 1, 'host', 'platform' from price p, fees f
  )
  select l.code, l.rule, p.currency, l.unit_amount, l.quantity, l.unit_amount * l.quantity,
    l.payer::app_public.party, l.payee::app_public.party
  from lines l, price p
  where l.unit_amount * l.quantity > 0
  order by l.position, l.unit_amount
$$;

comment on function app_hidden.price_lines(uuid, date, date, integer) is 'The line items of a stay.';
--! EndIncluded pricing/internal/price_lines.sql
--! Included search/internal/search_candidates.sql
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
  currency_number smallint
)
language sql stable
as $$
  select s.score, s.listing_id, s.longitude_e6, s.latitude_e6, s.nightly_floor_amount, s.currency_number
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
  bigint, integer, uuid, integer, integer, integer, integer, integer, bigint, bigint, smallint, bigint, bigint
) is 'Listings of one map square that fit as far as the projection knows, best first.';
--! EndIncluded search/internal/search_candidates.sql
--! Included search/queries/search_listings.sql
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
  -- With dates, what is found can be booked; hosts cannot answer requests yet.
  if search_listings.instant_only or v_nights is not null then
    v_need := v_need | app_hidden.search_mask('booking_mode', '{instant}');
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
    select floor((search_listings.max_amount + 5.0) * 10000 / (10000 + f.guest_service_fee_bps) / v_nights)
    into v_most
    from app_hidden.platform_fees f
    where f.effective_at <= app_hidden.clock()
    order by f.effective_at desc
    limit 1;
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
    page.score || '.' || page.listing_id
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
  'Published listings inside a box in degrees (west > east crosses the date line), most relevant first; with dates, only those that can be booked, with the exact total. Amounts to search by need a currency; with dates they are totals of the stay, without dates nightly rates. At most 100 a page; what comes after the cursor of the last result is the next page.';
--! EndIncluded search/queries/search_listings.sql
