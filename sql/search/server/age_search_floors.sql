/*
 * Brings floors up to date that the night has changed: where it was midnight in the last two hours,
 * or everywhere. Only listings whose nights differ in price have a floor that ages.
 */
create or replace function app_private.age_search_floors(everywhere boolean default false)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_done integer := 0;
begin
  for v_listing_id in
    select s.listing_id
    from app_hidden.search_cells s
    join app_public.listings l on l.id = s.listing_id
    join app_public.listing_rates r on r.listing_id = s.listing_id
    where s.cell = 0
      and (r.has_dated_rates or r.weekend_nightly_amount is not null)
      and (
        age_search_floors.everywhere
        or extract(hour from app_hidden.clock() at time zone l.time_zone) < 2
      )
      and s.nightly_floor_amount <> app_hidden.nightly_floor(s.listing_id)
    order by s.listing_id
  loop
    perform app_hidden.refresh_search(v_listing_id);
    v_done := v_done + 1;
  end loop;
  return v_done;
end
$$;

grant execute on function app_private.age_search_floors(boolean) to :DATABASE_AUTHENTICATOR;

comment on function app_private.age_search_floors(boolean) is
  'Brings the floors of search up to date with the day; says how many have changed.';
