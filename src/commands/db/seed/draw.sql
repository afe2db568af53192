/*
 * Chance that is the same on every machine: a draw depends on its key alone, so adding a draw
 * changes no other. Everything is temporary and ends with the connection.
 */
create function pg_temp.roll(key text, sides integer) returns integer
language sql immutable
return ('x' || left(md5('staybase ' || key), 7))::bit(28)::integer % sides;

create function pg_temp.pick(key text, choices text[]) returns text
language sql immutable
return choices[1 + pg_temp.roll(key, cardinality(choices))];

-- Shaped like a uuidv7 of January 2026, in the order of number; whatever is made later sorts
-- behind.
create function pg_temp.demo_id(kind text, number integer) returns uuid
language sql immutable
return (
  lpad(to_hex(1767225600000 + number), 12, '0')
    || '7' || substr(md5(kind || number), 1, 3)
    || '8' || substr(md5(kind || number), 4, 15)
)::uuid;

create function pg_temp.today() returns date
language sql stable
return (app_hidden.clock() at time zone 'UTC')::date;
