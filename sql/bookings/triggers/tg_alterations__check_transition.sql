/*
 * A change of a stay goes one way: what was declined, withdrawn, applied or is past its time stays
 * so, whoever writes.
 */
create or replace function app_hidden.tg_alterations__check_transition() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not (
    (OLD.status = 'proposed' and NEW.status <> 'proposed')
    or (OLD.status = 'accepted' and NEW.status in ('applied', 'withdrawn', 'expired'))
  ) then
    raise exception 'A change that is % cannot become %.', OLD.status, NEW.status
      using errcode = 'SBB11';
  end if;
  return NEW;
end
$$;

create or replace trigger _200_check_transition
  before update of status on app_public.alterations
  for each row execute function app_hidden.tg_alterations__check_transition();

comment on function app_hidden.tg_alterations__check_transition() is
  'Refuses changes of status that a change of a stay does not make.';
