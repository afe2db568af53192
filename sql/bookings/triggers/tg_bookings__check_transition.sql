/*
 * Enforces the transitions table on every change of status, psql included, and notes when a booking
 * was confirmed. Another trigger appends the change to the history: tg_bookings__append_event.
 */
create or replace function app_hidden.tg_bookings__check_transition() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deadline text;
  v_today date := app_hidden.local_today(NEW.time_zone);
  v_in_time boolean;
begin
  if TG_OP = 'INSERT' then
    if NEW.status <> 'pending_payment' then
      raise exception 'A booking begins as pending_payment.' using errcode = 'SBB08';
    end if;
    return NEW;
  end if;

  select t.deadline into v_deadline from app_hidden.booking_transitions t
  where t.from_status = OLD.status and t.to_status = NEW.status and t.actor = NEW.status_actor;
  v_in_time := case v_deadline
    when 'none' then true
    when 'after_hold' then app_hidden.clock() >= NEW.hold_expires_at
    when 'before_answer_due' then app_hidden.clock() < NEW.answer_due_at
    when 'until_check_in' then v_today <= NEW.check_in
    when 'before_check_out' then v_today < NEW.check_out
    when 'after_check_out' then v_today >= NEW.check_out
    else false
  end;
  if not v_in_time then
    raise exception 'A booking that is % cannot become % by the % now.',
      OLD.status, NEW.status, NEW.status_actor using errcode = 'SBB08';
  end if;
  if NEW.status = 'confirmed' then
    NEW.confirmed_at := app_hidden.clock();
  end if;
  return NEW;
end
$$;

create or replace trigger _200_check_transition
  before insert or update of status on app_public.bookings
  for each row execute function app_hidden.tg_bookings__check_transition();

comment on function app_hidden.tg_bookings__check_transition() is
  'Refuses changes of status that the transitions table does not allow.';
