/*
 * The number of a map square: its level above, its Morton code below, so that neighbours on the map
 * are mostly neighbours on disk, and that a square's code is the first bits of its parts' codes.
 */
create or replace function app_hidden.search_cell(level integer, x integer, y integer)
returns bigint
language sql immutable parallel safe
return (level::bigint << 52) | app_hidden.spread_bits(x) | (app_hidden.spread_bits(y) << 1);

comment on function app_hidden.search_cell(integer, integer, integer) is
  'The number of square (x, y) of the 2^level by 2^level squares of the map.';
