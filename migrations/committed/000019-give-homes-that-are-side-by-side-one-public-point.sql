--! Previous: sha1:7e50756039e4f71be97665e0300c03b4c7b09750
--! Hash: sha1:4e6fa779eb992ef67869a00866fd17c641c68b50
--! Message: give homes that are side by side one public point

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     listings/tables/public_places.sql
--   new     listings/policies/public_places.sql
--   new     listings/internal/metres_from.sql
--   new     listings/internal/public_place.sql
--   +5 -25  listings/internal/write_listing_address.sql
-- (npm run db:commit wrote these lines.)

--! Included listings/tables/public_places.sql
/*
 * A host's homes and the points that stand for them on the map (public_place). Homes that are side
 * by side share a point, for several points around one house would give it away. A row stays when
 * its home has gone, so that one that comes back has the same: new points for one place could be
 * averaged away. No client reads this: with it the exact place could be had from the public one.
 */
create table if not exists app_private.public_places (
  id bigint generated always as identity constraint public_places_pkey primary key,
  host_id uuid not null
    constraint public_places_host_id_fkey references app_public.users on delete cascade,
  longitude double precision not null,
  latitude double precision not null,
  public_longitude double precision not null,
  public_latitude double precision not null
);

alter table app_private.public_places enable row level security;
alter table app_private.public_places force row level security;

create index if not exists public_places_host_id_idx
  on app_private.public_places (host_id, latitude);

comment on table app_private.public_places is
  'The places of a host''s homes, and the points that stand for them.';
--! EndIncluded listings/tables/public_places.sql
--! Included listings/policies/public_places.sql
select app_hidden.drop_policies('app_private.public_places');
--! EndIncluded listings/policies/public_places.sql
--! Included listings/internal/metres_from.sql
-- How far one point lies east and north of another. As offset_place(), for short distances only.
create or replace function app_hidden.metres_from(
  from_longitude double precision, from_latitude double precision,
  longitude double precision, latitude double precision,
  out east double precision, out north double precision
)
language sql immutable
as $$
  select
    (mod((metres_from.longitude - metres_from.from_longitude + 540)::numeric, 360) - 180)
      ::double precision * 111320 * greatest(cos(radians(metres_from.from_latitude)), 0.01),
    (metres_from.latitude - metres_from.from_latitude) * 111320
$$;

comment on function app_hidden.metres_from(
  double precision, double precision, double precision, double precision
) is 'Metres to the east and to the north from one point to another.';
--! EndIncluded listings/internal/metres_from.sql
--! Included listings/internal/public_place.sql
/*
 * The point that stands for a home of a host: 150 to 250 m away. The homes of one house share
 * theirs, and others nearby may. Else a point is drawn. Those are passed over with which somebody
 * who knows one of the host's homes, as a guest of it does, could compute another: by moving its
 * point as the known one was moved, or by the mean of the points nearby. Where a host has more
 * points than there are directions, the nearby ones count first.
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
  order by c.is_of_house desc, known.tells, c.is_shared desc, known.repeats, c.place
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
--! Included listings/internal/write_listing_address.sql
-- The exact place and the public one (public_place) are written together.
create or replace function app_hidden.write_listing_address(
  listing_id uuid,
  street text,
  city text,
  country_code text,
  time_zone text,
  longitude double precision,
  latitude double precision,
  postal_code text,
  region text,
  directions text
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
begin
  insert into app_public.listing_addresses as a
    (listing_id, street, postal_code, directions, longitude, latitude)
  values (
    write_listing_address.listing_id,
    write_listing_address.street,
    write_listing_address.postal_code,
    write_listing_address.directions,
    write_listing_address.longitude,
    write_listing_address.latitude
  )
  on conflict on constraint listing_addresses_pkey do update
    set street = excluded.street, postal_code = excluded.postal_code,
        directions = excluded.directions, longitude = excluded.longitude,
        latitude = excluded.latitude
    where row(a.street, a.postal_code, a.directions, a.longitude, a.latitude) is distinct from
      row(
        excluded.street, excluded.postal_code, excluded.directions, excluded.longitude,
        excluded.latitude
      );

  update app_public.listings l
  set time_zone = write_listing_address.time_zone,
      country_code = upper(write_listing_address.country_code),
      region = write_listing_address.region,
      city = btrim(write_listing_address.city),
      public_longitude = p.public_longitude,
      public_latitude = p.public_latitude
  from app_public.listings host
  cross join lateral app_hidden.public_place(
    host.host_id, write_listing_address.longitude, write_listing_address.latitude
  ) p
  where l.id = write_listing_address.listing_id and host.id = l.id
  returning l.* into v_listing;
  return v_listing;
end
$$;

comment on function app_hidden.write_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) is 'Writes the exact and the public place of a listing together.';
--! EndIncluded listings/internal/write_listing_address.sql
-- What is there keeps its point, but for a home that was moved as another one of its host was.
do $$
declare
  v_home record;
begin
  if to_regclass('app_private.listing_offsets') is null then
    return;
  end if;
  for v_home in
    select l.id, l.host_id, a.longitude, a.latitude, l.public_longitude, l.public_latitude,
      row_number() over (
        partition by l.host_id, o.bearing, o.distance_m order by l.id
      ) as place
    from app_public.listings l
    join app_public.listing_addresses a on a.listing_id = l.id
    left join app_private.listing_offsets o on o.listing_id = l.id
    where l.public_longitude is not null
    order by place, l.id
  loop
    if v_home.place = 1 then
      insert into app_private.public_places (
        host_id, longitude, latitude, public_longitude, public_latitude
      )
      values (
        v_home.host_id, v_home.longitude, v_home.latitude, v_home.public_longitude,
        v_home.public_latitude
      );
    else
      update app_public.listings l
      set (public_longitude, public_latitude) = (
        select p.public_longitude, p.public_latitude
        from app_hidden.public_place(v_home.host_id, v_home.longitude, v_home.latitude) p
      )
      where l.id = v_home.id;
    end if;
  end loop;
end
$$;
drop table if exists app_private.listing_offsets;
