-- Web-Mercator coordinate from the north (0) to just below 1; the poles are cut off. Inlined where
-- it is called.
create or replace function app_hidden.mercator_y(latitude double precision) returns double precision
language sql immutable parallel safe
return least(greatest(
  (1 - asinh(tan(radians(least(greatest(latitude, -85.05), 85.05)))) / pi()) / 2, 0
), 1 - 1e-12::double precision);

comment on function app_hidden.mercator_y(double precision) is
  'Web-Mercator coordinate in [0, 1) of a latitude in degrees, from north to south.';
