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
