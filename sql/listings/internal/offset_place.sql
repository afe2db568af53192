/*
 * Moves a point by a distance in metres along a bearing. Short distances only: a degree of latitude
 * is taken as 111,320 m everywhere, which is right to 1 %. Keeps off the poles, where longitude
 * loses its meaning.
 */
create or replace function app_hidden.offset_place(
  longitude double precision, latitude double precision,
  bearing double precision, distance_m double precision,
  out public_longitude double precision, out public_latitude double precision
)
language sql immutable
as $$
  select
    round((
      mod(
        (offset_place.longitude + 540 + distance_m * sin(bearing)
          / (111320 * greatest(cos(radians(offset_place.latitude)), 0.01)))::numeric,
        360
      ) - 180
    ), 6)::double precision,
    round(
      greatest(
        -89.9, least(89.9, offset_place.latitude + distance_m * cos(bearing) / 111320)
      )::numeric,
      6
    )::double precision
$$;

comment on function app_hidden.offset_place(
  double precision, double precision, double precision, double precision
) is 'A point moved by some metres along a bearing in radians.';
