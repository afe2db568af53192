create or replace function app_hidden.tg_bookings__append_event() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.booking_events
    (booking_id, sequence, from_status, to_status, actor, actor_id, reason)
  select
    NEW.id,
    1 + coalesce((
      select max(e.sequence) from app_public.booking_events e where e.booking_id = NEW.id
    ), 0),
    case TG_OP when 'UPDATE' then OLD.status end,
    NEW.status,
    NEW.status_actor,
    case NEW.status_actor
      when 'guest' then NEW.guest_id
      when 'host' then NEW.host_id
      when 'operator' then app_public.current_user_id()
    end,
    NEW.status_reason;
  return null;
end
$$;

create or replace trigger _500_append_event
  after insert or update of status on app_public.bookings
  for each row execute function app_hidden.tg_bookings__append_event();

comment on function app_hidden.tg_bookings__append_event() is
  'Appends each change of status to the history.';
