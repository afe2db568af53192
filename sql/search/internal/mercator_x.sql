-- Web-Mercator coordinate from the date line (0) east to just below 1. Inlined where it is called.
create or replace function app_hidden.mercator_x(longitude double precision)
returns double precision
language sql immutable parallel safe
return least(greatest((longitude + 180) / 360, 0), 1 - 1e-12::double precision);

comment on function app_hidden.mercator_x(double precision) is
  'Web-Mercator coordinate in [0, 1) of a longitude in degrees, from west to east.';
