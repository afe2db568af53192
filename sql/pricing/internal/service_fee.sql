-- A share of an amount, rounded half up to what the currency can charge. Integers throughout.
create or replace function app_hidden.service_fee(amount bigint, bps integer, charge_step smallint)
returns bigint
language sql immutable parallel safe
return (amount * bps + 5000 * charge_step) / (10000 * charge_step) * charge_step;

comment on function app_hidden.service_fee(bigint, integer, smallint) is
  'A share in basis points of an amount, in minor units, rounded half up to the charge step.';
