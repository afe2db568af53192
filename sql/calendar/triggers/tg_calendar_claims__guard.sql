/*
 * Every way of taking nights passes here, psql included. The update of the unit's row is the lock,
 * the check and the read model in one statement: no row changed means that the nights are taken,
 * and the loser has written nothing; one row changed means that the lock is held until commit.
 */
create or replace function app_hidden.tg_calendar_claims__guard() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if TG_OP in ('UPDATE', 'DELETE') then
    update app_hidden.listing_availability a
    set taken = a.taken - datemultirange(OLD.nights)
    where a.listing_id = OLD.listing_id and a.unit_number = OLD.unit_number;
  end if;
  if TG_OP = 'DELETE' then
    return OLD;
  end if;

  update app_hidden.listing_availability a
  set taken = a.taken + datemultirange(NEW.nights)
  where a.listing_id = NEW.listing_id and a.unit_number = NEW.unit_number
    and not a.taken && NEW.nights;
  if not found then
    raise exception 'These nights are taken.' using errcode = 'SBC01';
  end if;
  return NEW;
end
$$;

create or replace trigger _100_guard
  before insert or delete or update of listing_id, unit_number, nights
  on app_public.calendar_claims
  for each row execute function app_hidden.tg_calendar_claims__guard();

comment on function app_hidden.tg_calendar_claims__guard() is
  'Takes and frees nights in the unit''s guard row together with the claim.';
