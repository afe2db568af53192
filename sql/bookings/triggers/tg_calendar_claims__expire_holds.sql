/*
 * Whoever takes nights ends the expired holds on them first, so that nobody waits for the job that
 * expires holds. It runs before the guard, which then finds the nights free.
 */
create or replace function app_hidden.tg_calendar_claims__expire_holds() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.expire_listing_holds(NEW.listing_id, NEW.unit_number, NEW.nights);
  return NEW;
end
$$;

create or replace trigger _050_expire_holds
  before insert on app_public.calendar_claims
  for each row execute function app_hidden.tg_calendar_claims__expire_holds();

comment on function app_hidden.tg_calendar_claims__expire_holds() is
  'Expires the holds that are over on nights that somebody takes.';
