/*
 * How many Friday and Saturday nights lie between the Friday 1999-12-31 and a date: two a week, and
 * at most two of the rest. A difference of two of these counts the weekend nights of a stay without
 * walking it.
 */
create or replace function app_hidden.weekend_nights_before(night date) returns integer
language sql immutable parallel safe
return 2 * ((night - date '1999-12-31') / 7) + least((night - date '1999-12-31') % 7, 2);

comment on function app_hidden.weekend_nights_before(date) is
  'Friday and Saturday nights from 1999-12-31 to before a date (which must not be earlier).';
