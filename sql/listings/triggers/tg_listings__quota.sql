-- What a host makes is counted; an import and the operator's own rows are not.
create or replace function app_hidden.tg_listings__quota() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_used record;
begin
  perform app_hidden.lock_guest(NEW.host_id);
  select count(*) as listings, count(*) filter (where l.status = 'draft') as drafts,
    sum(l.unit_count) as units
  into v_used
  from app_public.listings l where l.host_id = NEW.host_id;
  perform app_hidden.require_quota(NEW.host_id, 'listings', v_used.listings);
  perform app_hidden.require_quota(NEW.host_id, 'drafts', v_used.drafts);
  perform app_hidden.require_quota(NEW.host_id, 'units', v_used.units);
  return null;
end
$$;

create or replace trigger _200_quota
  after insert on app_public.listings
  for each row when (NEW.host_id = app_public.current_user_id())
  execute function app_hidden.tg_listings__quota();

comment on function app_hidden.tg_listings__quota() is
  'Refuses more listings, drafts or units than a host may have.';
