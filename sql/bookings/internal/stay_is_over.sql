/*
 * Whether a stay is over where it is: from midnight of the day of check-out. Local dates differ by
 * a day at most, so the first condition is one of an index; the exact rule is the second. Inlined
 * where it is called.
 */
create or replace function app_hidden.stay_is_over(check_out date, time_zone text)
returns boolean
language sql stable parallel safe
return
  check_out <= (app_hidden.clock() + interval '1 day')::date
  and check_out <= app_hidden.local_today(time_zone);

comment on function app_hidden.stay_is_over(date, text) is
  'Whether the day of check-out has begun in the time zone of the listing.';
