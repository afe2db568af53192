-- A stay is in dates of the listing: what day it is there decides. Inlined where it is called.
create or replace function app_hidden.local_today(time_zone text) returns date
language sql stable parallel safe
return (app_hidden.clock() at time zone time_zone)::date;

grant execute on function app_hidden.local_today(text) to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.local_today(text) is 'Today''s date in a time zone.';
