/*
 * The nights that a stay takes: its own, and the preparation days after it. Widening one end is
 * enough to keep the gap between any two stays.
 */
create or replace function app_hidden.claim_window(
  check_in date, check_out date, preparation_days integer
)
returns daterange
language sql immutable parallel safe
return daterange(check_in, check_out + preparation_days);

comment on function app_hidden.claim_window(date, date, integer) is
  'The nights a stay takes, preparation days included.';
