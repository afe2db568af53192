create or replace function app_hidden.tg_dated_rates__flag() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid := coalesce(NEW.listing_id, OLD.listing_id);
  v_has boolean := TG_OP <> 'DELETE'
    or exists (select from app_public.dated_rates d where d.listing_id = v_listing_id);
begin
  update app_public.listing_rates r set has_dated_rates = v_has
  where r.listing_id = v_listing_id and r.has_dated_rates <> v_has;
  return null;
end
$$;

create or replace trigger _300_flag
  after insert or delete on app_public.dated_rates
  for each row execute function app_hidden.tg_dated_rates__flag();

comment on function app_hidden.tg_dated_rates__flag() is
  'Notes on the rates whether any date has its own.';
