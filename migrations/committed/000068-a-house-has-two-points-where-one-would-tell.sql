--! Previous: sha1:f61981c8191dc669d0609a9a0df7557b06f55487
--! Hash: sha1:ca7878262a0b21710214ba4269b27df9532b1ee0
--! Message: A house has two points where one would tell

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +6 -5   listings/internal/public_place.sql
-- (npm run db:commit wrote these lines.)

--! Included listings/internal/public_place.sql
/*
 * The point that stands for a home of a host: 150 to 250 m away. The homes of one house share
 * theirs, and others nearby may. Else a point is drawn. Those are passed over, be it that of the
 * house, with which somebody who knows one of the host's homes, as a guest of it does, could
 * compute another: by moving its point as the known one was moved, or by the mean of the points
 * nearby. Where a host has more points than there are directions, the nearby ones count first.
 */
create or replace function app_hidden.public_place(
  host_id uuid, longitude double precision, latitude double precision,
  out public_longitude double precision, out public_latitude double precision
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_draws constant integer := 100;
  c_least_error constant double precision := 110;
  c_house constant double precision := 40;
  c_near constant double precision := 1000;
begin
  -- Two homes of a host at once are placed one after the other.
  perform pg_advisory_xact_lock(
    hashtextextended('public_place/' || public_place.host_id::text, 0)
  );
  -- A home that comes back, or is written again, has the point that it had.
  select p.public_longitude, p.public_latitude
  into public_place.public_longitude, public_place.public_latitude
  from app_private.public_places p
  where p.host_id = public_place.host_id
    and p.longitude = public_place.longitude and p.latitude = public_place.latitude
  order by p.id
  limit 1;
  if found then
    return;
  end if;

  with places as (
    -- The host's homes and their points, as seen from this home; some hosts have thousands.
    select p.id, p.public_longitude, p.public_latitude, point.east, point.north,
      home.east as home_east, home.north as home_north,
      sqrt(home.east ^ 2 + home.north ^ 2) as home_distance
    from app_private.public_places p
    cross join lateral app_hidden.metres_from(
      public_place.longitude, public_place.latitude, p.public_longitude, p.public_latitude
    ) point
    cross join lateral app_hidden.metres_from(
      public_place.longitude, public_place.latitude, p.longitude, p.latitude
    ) home
    where p.host_id = public_place.host_id
    order by home_distance, p.id
    limit 50
  ),
  draws as materialized (
    select n, random() * 2 * pi() as bearing, 165 + random() * 70 as distance_m
    from generate_series(1, c_draws) n
  ),
  candidates as (
    select p.public_longitude, p.public_latitude, p.east, p.north,
      min(p.home_distance) < c_house as is_of_house, true as is_shared, min(p.id) as place
    from places p
    where sqrt(p.east ^ 2 + p.north ^ 2) between 150 and 250
    group by p.public_longitude, p.public_latitude, p.east, p.north
    union all
    select o.public_longitude, o.public_latitude, m.east, m.north, false, false, d.n
    from draws d
    cross join lateral app_hidden.offset_place(
      public_place.longitude, public_place.latitude, d.bearing, d.distance_m
    ) o
    cross join lateral app_hidden.metres_from(
      public_place.longitude, public_place.latitude, o.public_longitude, o.public_latitude
    ) m
  )
  select c.public_longitude, c.public_latitude
  into public_place.public_longitude, public_place.public_latitude
  from candidates c
  cross join lateral (
    select avg(around.east) as east, avg(around.north) as north
    from (
      select p.east, p.north from places p where p.home_distance < c_near
      union
      select c.east, c.north
    ) around
  ) mean
  cross join lateral (
    select
      coalesce(bool_or(repeats), false) as repeats,
      sqrt(mean.east ^ 2 + mean.north ^ 2) < c_least_error or coalesce(bool_or(
        p.home_distance < c_near and (
          repeats
          or sqrt((mean.east - p.home_east) ^ 2 + (mean.north - p.home_north) ^ 2) < c_least_error
        )
      ), false) as tells
    from places p
    cross join lateral (
      -- Of homes that share a point, moving it back gives the known home, and nothing else.
      select (p.east, p.north) <> (c.east, c.north) and sqrt(
        (p.east - p.home_east - c.east) ^ 2 + (p.north - p.home_north - c.north) ^ 2
      ) < c_least_error as repeats
    ) r
  ) known
  order by
    c.is_of_house and not known.tells desc, known.tells, c.is_shared desc, known.repeats, c.place
  limit 1;

  insert into app_private.public_places (
    host_id, longitude, latitude, public_longitude, public_latitude
  )
  values (
    public_place.host_id, public_place.longitude, public_place.latitude,
    public_place.public_longitude, public_place.public_latitude
  );
end
$$;

comment on function app_hidden.public_place(uuid, double precision, double precision) is
  'The point that stands for a home on the map: one of its host''s nearby, or a new one.';
--! EndIncluded listings/internal/public_place.sql
