/*
 * Where to look for a box: the finest level whose squares are at least as large as it, and the at
 * most four squares that it touches there. The map goes on east of the date line (west > east)
 * where it began.
 */
create or replace function app_hidden.search_windows(
  west double precision, south double precision, east double precision, north double precision
) returns bigint[]
language plpgsql immutable
as $$
declare
  v_x1 double precision := app_hidden.mercator_x(west);
  v_y1 double precision := app_hidden.mercator_y(north);
  v_x2 double precision := app_hidden.mercator_x(east) + case when west > east then 1 else 0 end;
  v_y2 double precision := app_hidden.mercator_y(south);
  v_size double precision;
  v_level integer;
  v_squares integer;
  v_first integer;
  v_cells bigint[] := '{}';
begin
  v_size := greatest(v_x2 - v_x1, v_y2 - v_y1);
  v_level := case
    when v_size <= 1.0 / (1 << 13) then 13
    when v_size <= 1.0 / (1 << 11) then 11
    when v_size <= 1.0 / (1 << 9) then 9
    when v_size <= 1.0 / (1 << 7) then 7
    when v_size <= 1.0 / (1 << 5) then 5
    else 0
  end;
  v_squares := 1 << v_level;
  v_first := floor(v_x1 * v_squares);
  for v_y in floor(v_y1 * v_squares)::integer .. floor(v_y2 * v_squares)::integer loop
    -- Round the world there are only so many squares.
    for v_x in v_first .. least(floor(v_x2 * v_squares)::integer, v_first + v_squares - 1) loop
      v_cells := v_cells || app_hidden.search_cell(v_level, v_x % v_squares, v_y);
    end loop;
  end loop;
  return v_cells;
end
$$;

comment on function app_hidden.search_windows(
  double precision, double precision, double precision, double precision
) is 'The map squares to search for a box in degrees, at most four.';
