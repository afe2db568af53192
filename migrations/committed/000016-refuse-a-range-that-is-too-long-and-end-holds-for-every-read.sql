--! Previous: sha1:9b0402768c669e4f8efc81f1c0c3045154cdada6
--! Hash: sha1:d946c46676ff6d4c15b100796f2cfae47f1bb904
--! Message: refuse a range that is too long, and end holds for every reader

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +6 -4   calendar/internal/check_stay.sql
--   +13 -8  calendar/internal/check_nights.sql
--   new     calendar/internal/unit_nights.sql
--   +7 -16  calendar/internal/free_units.sql
--   new     calendar/computed/listings_taken_nights.sql
-- (npm run db:commit wrote these lines.)

drop function if exists app_hidden.check_nights(date, date);
--! Included calendar/internal/check_stay.sql
/*
 * The shape of a stay, before anything is looked up: two dates of this calendar in order, at most
 * two years apart. Null is refused by the caller's signature or here alike.
 */
create or replace function app_hidden.check_stay(check_in date, check_out date, guests integer)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if check_stay.check_in is null or check_stay.check_out is null then
    raise exception 'Give both check-in and check-out.'
      using errcode = 'SBC02', column = 'check_in';
  end if;
  -- What is added to a date later, such as preparation days, stays within what a date can be.
  if check_stay.check_in < date '0001-01-01' or check_stay.check_out > date '9999-12-31' then
    raise exception 'Dates of a stay are in the years 1 to 9999.'
      using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out <= check_stay.check_in then
    raise exception 'Check-out comes after check-in.' using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out - check_stay.check_in > 730 then
    raise exception 'A stay has at most 730 nights.' using errcode = 'SBC04', column = 'check_out';
  end if;
  if check_stay.guests is null or check_stay.guests < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
end
$$;

comment on function app_hidden.check_stay(date, date, integer) is
  'INVALID_STAY, STAY_TOO_LONG or INVALID_GUESTS where a stay makes no sense.';
--! EndIncluded calendar/internal/check_stay.sql
--! Included calendar/internal/check_nights.sql
/*
 * check_stay() for functions that take a range of nights: the error names the input that the client
 * wrote. Nothing is cut: a range that is too long is refused, for an answer to a part of it would
 * look like an answer to the whole.
 */
create or replace function app_hidden.check_nights(
  starts_on date, ends_before date, field text default 'ends_before',
  most_nights integer default 730
) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not coalesce(
    check_nights.starts_on >= date '0001-01-01' and check_nights.ends_before <= date '9999-12-31'
    and check_nights.starts_on < check_nights.ends_before, false
  ) then
    raise exception 'Give the first night, and a later day before which it ends.'
      using errcode = 'SBC02', column = check_nights.field;
  end if;
  if check_nights.ends_before - check_nights.starts_on > check_nights.most_nights then
    raise exception 'At most % nights at once.', check_nights.most_nights
      using errcode = 'SBC04', column = check_nights.field;
  end if;
end
$$;

comment on function app_hidden.check_nights(date, date, text, integer) is
  'INVALID_STAY or STAY_TOO_LONG where a range of nights makes no sense.';
--! EndIncluded calendar/internal/check_nights.sql
--! Included calendar/internal/unit_nights.sql
/*
 * The one rule of which nights of a unit are taken: those of its claims, without holds that are
 * over. The guard row keeps the nights of such a hold until somebody takes them or the job ends it,
 * so guarded is what is written there, and taken is what a guest is told. Claims of one unit never
 * overlap (N1), so the nights of a hold that is over are free altogether.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM.
 */
create or replace function app_hidden.unit_nights(listing_id uuid) returns table (
  unit_number smallint, guarded datemultirange, taken datemultirange
)
language sql stable
as $$
  select
    a.unit_number,
    a.taken,
    a.taken - coalesce((
      select range_agg(c.nights) from app_public.calendar_claims c
      where c.listing_id = a.listing_id and c.unit_number = a.unit_number
        and c.expires_at <= app_hidden.clock()
    ), '{}')
  from app_hidden.listing_availability a
  where a.listing_id = unit_nights.listing_id
$$;

comment on function app_hidden.unit_nights(uuid) is
  'Per unit the nights in its guard row, and those of them that are taken.';
--! EndIncluded calendar/internal/unit_nights.sql
--! Included calendar/internal/free_units.sql
/*
 * The units that could take these nights, in the order in which to try them: those whose guard row
 * is free first, by number. On the others only holds that are over are in the way, and the claim
 * that needs their nights ends them.
 */
create or replace function app_hidden.free_units(
  listing_id uuid, nights daterange, unit_number smallint default null
) returns setof smallint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select u.unit_number from app_hidden.unit_nights(free_units.listing_id) u
  where u.unit_number = coalesce(free_units.unit_number, u.unit_number)
    and not u.taken && free_units.nights
  order by u.guarded && free_units.nights, u.unit_number
$$;

comment on function app_hidden.free_units(uuid, daterange, smallint) is
  'The units that can take these nights, in the order in which to try them.';
--! EndIncluded calendar/internal/free_units.sql
drop function if exists app_public.listings_taken_nights(app_public.listings, date, date);
--! Included calendar/computed/listings_taken_nights.sql
-- What a guest's date picker greys out: the nights on which no unit is free, without saying why.
create or replace function app_public.listings_taken_nights(
  listing app_public.listings, from_date date, to_date date
) returns date[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.check_nights(from_date, to_date, 'to_date', 800);
  return array(
    select generate_series(
      lower(t.nights)::timestamp, upper(t.nights)::timestamp - interval '1 day', interval '1 day'
    )::date as night
    from (
      -- Of a listing without units every night is taken.
      select coalesce(range_intersect_agg(u.taken), '{(,)}') as taken
      from app_hidden.unit_nights(listing.id) u
    ) all_units
    cross join lateral unnest(
      all_units.taken * datemultirange(daterange(from_date, to_date))
    ) t (nights)
    order by night
  );
end
$$;

grant execute on function app_public.listings_taken_nights(app_public.listings, date, date)
  to :DATABASE_VISITOR;

comment on function app_public.listings_taken_nights(app_public.listings, date, date) is
  'The nights from the first date to before the second on which no unit is free. More than 800 '
  'nights at once are refused.';
--! EndIncluded calendar/computed/listings_taken_nights.sql
