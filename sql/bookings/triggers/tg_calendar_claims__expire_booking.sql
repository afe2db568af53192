/*
 * A hold whose nights were freed is over. (Where the booking moved on first, this finds nothing to
 * do.)
 */
create or replace function app_hidden.tg_calendar_claims__expire_booking() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.bookings b
  set status = 'expired', status_actor = 'system', status_reason = 'The hold ended before payment.'
  where b.id = OLD.booking_id and b.status = 'pending_payment';
  return null;
end
$$;

create or replace trigger _500_expire_booking
  after delete on app_public.calendar_claims
  for each row when (OLD.kind = 'hold')
  execute function app_hidden.tg_calendar_claims__expire_booking();

comment on function app_hidden.tg_calendar_claims__expire_booking() is
  'Expires the booking whose hold was freed.';
