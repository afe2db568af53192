create or replace function app_hidden.tg_bookings__end_alterations() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.alterations a
  set status = 'expired', status_actor = 'system', reason = 'The stay has ended.'
  where a.booking_id = NEW.id and a.status in ('proposed', 'accepted');
  delete from app_public.calendar_claims c
  where c.booking_id = NEW.id and c.alteration_id is not null;
  return null;
end
$$;

create or replace trigger _450_end_alterations
  after update of status on app_public.bookings
  for each row when (NEW.status in ('cancelled', 'completed'))
  execute function app_hidden.tg_bookings__end_alterations();

comment on function app_hidden.tg_bookings__end_alterations() is
  'Ends the open change of a stay that has ended.';
