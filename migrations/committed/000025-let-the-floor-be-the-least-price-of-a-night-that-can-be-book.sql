--! Previous: sha1:d25a63193cfe2e8f545575b10bd5d39142373f01
--! Hash: sha1:a4c9f2fba135b375da9f1a98ec09c966816aef2b
--! Message: Let the floor be the least price of a night that can be booked

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     search/internal/bookable_nights.sql
--   new     search/internal/nightly_floor.sql
--   +4 -6   search/internal/search_projection.sql
--   new     search/triggers/tg__refresh_search.sql
--   new     search/triggers/tg_calendar_claims__refresh_search.sql
--   new     search/server/age_search_floors.sql
--   new     search/types/search_result.sql
-- (npm run db:commit wrote these lines.)

--! Included search/internal/bookable_nights.sql
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
--! EndIncluded search/internal/bookable_nights.sql
--! Included search/internal/nightly_floor.sql
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
--! EndIncluded search/internal/nightly_floor.sql
--! Included search/internal/search_projection.sql
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
--! EndIncluded search/internal/search_projection.sql
--! Included search/triggers/tg__refresh_search.sql
/*
 * Keeps the projection in the same transaction as its cause. Drafts cost one look at the status.
 */
create or replace function app_hidden.tg__refresh_search() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
begin
  if TG_TABLE_NAME = 'listings' then
    v_listing_id := NEW.id;
    if NEW.status <> 'published' and OLD.status <> 'published' then
      return null;
    end if;
  else
    v_listing_id := coalesce(NEW.listing_id, OLD.listing_id);
    if not exists (
      select from app_public.listings l where l.id = v_listing_id and l.status = 'published'
    ) then
      return null;
    end if;
  end if;
  perform app_hidden.refresh_search(v_listing_id);
  return null;
end
$$;

create or replace trigger _700_refresh_search
  after update of status, type, max_guests, booking_mode, public_longitude, public_latitude,
    review_count, review_rating_sum, unit_count, min_nights, max_nights, advance_notice_hours,
    booking_window_days, preparation_days, check_in_from, time_zone
  on app_public.listings
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_public.dated_rates
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or delete on app_public.listing_amenities
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or delete on app_public.listing_photos
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_hidden.imported_review_scores
  for each row execute function app_hidden.tg__refresh_search();

comment on function app_hidden.tg__refresh_search() is
  'Brings the search projection up to date with a listing.';
--! EndIncluded search/triggers/tg__refresh_search.sql
--! Included search/triggers/tg_calendar_claims__refresh_search.sql
/*
 * A claim changes the floor only where nights differ in price, and a hold never does. By statement,
 * so that it comes after all units are locked.
 */
create or replace function app_hidden.tg_calendar_claims__refresh_search() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
begin
  for v_listing_id in
    select distinct c.listing_id
    from changed c
    join app_hidden.search_cells s on s.listing_id = c.listing_id and s.cell = 0
    join app_public.listing_rates r on r.listing_id = c.listing_id
    where c.kind <> 'hold' and (r.has_dated_rates or r.weekend_nightly_amount is not null)
      and s.nightly_floor_amount <> app_hidden.nightly_floor(c.listing_id)
    order by c.listing_id
  loop
    perform app_hidden.refresh_search(v_listing_id);
  end loop;
  return null;
end
$$;

create or replace trigger _700_refresh_search_insert
  after insert on app_public.calendar_claims
  referencing new table as changed
  for each statement execute function app_hidden.tg_calendar_claims__refresh_search();

create or replace trigger _700_refresh_search_update
  after update on app_public.calendar_claims
  referencing new table as changed
  for each statement execute function app_hidden.tg_calendar_claims__refresh_search();

create or replace trigger _700_refresh_search_delete
  after delete on app_public.calendar_claims
  referencing old table as changed
  for each statement execute function app_hidden.tg_calendar_claims__refresh_search();

comment on function app_hidden.tg_calendar_claims__refresh_search() is
  'Brings the floor of search up to date with the nights that are taken.';
--! EndIncluded search/triggers/tg_calendar_claims__refresh_search.sql
--! Included search/server/age_search_floors.sql
/*
 * Brings floors up to date that the night has changed: where it was midnight in the last two hours,
 * or everywhere. Only listings whose nights differ in price have a floor that ages.
 */
create or replace function app_private.age_search_floors(everywhere boolean default false)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_done integer := 0;
begin
  for v_listing_id in
    select s.listing_id
    from app_hidden.search_cells s
    join app_public.listings l on l.id = s.listing_id
    join app_public.listing_rates r on r.listing_id = s.listing_id
    where s.cell = 0
      and (r.has_dated_rates or r.weekend_nightly_amount is not null)
      and (
        age_search_floors.everywhere
        or extract(hour from app_hidden.clock() at time zone l.time_zone) < 2
      )
      and s.nightly_floor_amount <> app_hidden.nightly_floor(s.listing_id)
    order by s.listing_id
  loop
    perform app_hidden.refresh_search(v_listing_id);
    v_done := v_done + 1;
  end loop;
  return v_done;
end
$$;

grant execute on function app_private.age_search_floors(boolean) to :DATABASE_AUTHENTICATOR;

comment on function app_private.age_search_floors(boolean) is
  'Brings the floors of search up to date with the day; says how many have changed.';
--! EndIncluded search/server/age_search_floors.sql
--! Included search/types/search_result.sql
do $$
begin
  create type app_public.search_result as (
    listing_id uuid,
    longitude double precision,
    latitude double precision,
    currency text,
    nightly_floor_amount bigint,
    nights integer,
    total_amount bigint,
    cursor text
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.search_result is
  'A listing that was found, with its price for the dates.';
comment on column app_public.search_result.listing_id is 'The listing.';
comment on column app_public.search_result.longitude is 'Degrees east of its public place.';
comment on column app_public.search_result.latitude is 'Degrees north of its public place.';
comment on column app_public.search_result.currency is 'ISO 4217 currency of the amounts.';
comment on column app_public.search_result.nightly_floor_amount is
  'The lowest rate of a night that can be booked from today on, before fees, in minor units.';
comment on column app_public.search_result.nights is 'Nights of the stay; null without dates.';
comment on column app_public.search_result.total_amount is
  'What the guest would pay for the stay, all fees included, exactly as quoted, in minor units; '
  'null without dates.';
comment on column app_public.search_result.cursor is 'Give it as after to get what follows.';
--! EndIncluded search/types/search_result.sql
select app_private.age_search_floors(true);
