create or replace function app_hidden.refresh_search(listing_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_hidden.search_cells[] := array(
    select p from app_hidden.search_projection(refresh_search.listing_id) p
  );
begin
  delete from app_hidden.search_cells s
  where s.listing_id = refresh_search.listing_id
    and not exists (select from unnest(v_wanted) w where w = s);
  insert into app_hidden.search_cells
  select w.* from unnest(v_wanted) w
  on conflict on constraint search_cells_pkey do nothing;
end
$$;

comment on function app_hidden.refresh_search(uuid) is
  'Brings the search rows of a listing up to date.';
