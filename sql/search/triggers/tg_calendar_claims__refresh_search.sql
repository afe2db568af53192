/*
 * A claim changes the floor only where nights differ in price, and a hold never does. By statement,
 * so that it comes after all units are locked.
 */
create or replace function app_hidden.tg_calendar_claims__refresh_search() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
begin
  for v_listing_id in
    select distinct c.listing_id
    from changed c
    join app_hidden.search_cells s on s.listing_id = c.listing_id and s.cell = 0
    join app_public.listing_rates r on r.listing_id = c.listing_id
    where c.kind <> 'hold' and (r.has_dated_rates or r.weekend_nightly_amount is not null)
      and s.nightly_floor_amount <> app_hidden.nightly_floor(c.listing_id)
    order by c.listing_id
  loop
    perform app_hidden.refresh_search(v_listing_id);
  end loop;
  return null;
end
$$;

create or replace trigger _700_refresh_search_insert
  after insert on app_public.calendar_claims
  referencing new table as changed
  for each statement execute function app_hidden.tg_calendar_claims__refresh_search();

create or replace trigger _700_refresh_search_update
  after update on app_public.calendar_claims
  referencing new table as changed
  for each statement execute function app_hidden.tg_calendar_claims__refresh_search();

create or replace trigger _700_refresh_search_delete
  after delete on app_public.calendar_claims
  referencing old table as changed
  for each statement execute function app_hidden.tg_calendar_claims__refresh_search();

comment on function app_hidden.tg_calendar_claims__refresh_search() is
  'Brings the floor of search up to date with the nights that are taken.';
