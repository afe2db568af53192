-- Counts what complete_stays() left: stays that somebody else held, or that could not be completed.
create or replace function app_private.count_stays_to_complete() returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  select count(*)
  from app_public.bookings b
  where b.status = 'confirmed' and app_hidden.stay_is_over(b.check_out, b.time_zone);
end;

grant execute on function app_private.count_stays_to_complete() to :DATABASE_AUTHENTICATOR;

comment on function app_private.count_stays_to_complete() is
  'How many confirmed bookings have their check-out day behind them or today.';
