-- Puts a zero before each of the lowest 16 bits of a number: half of a Morton code. Inlined where
-- it is called.
create or replace function app_hidden.spread_bits(value integer) returns bigint
language sql immutable parallel safe
return replace(replace(value::bit(16)::text, '0', '00'), '1', '01')::bit(32)::bigint;

comment on function app_hidden.spread_bits(integer) is
  'The lowest 16 bits of a number, each with a zero bit above it.';
