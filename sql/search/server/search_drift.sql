create or replace function app_private.search_drift() returns table (listing_id uuid, finding text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with wanted as (select * from app_hidden.search_projection()),
  missing as (select * from wanted except all select * from app_hidden.search_cells),
  extra as (select * from app_hidden.search_cells except all select * from wanted)
  select m.listing_id, 'missing' from missing m
  union all
  select e.listing_id, 'extra' from extra e
$$;

grant execute on function app_private.search_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.search_drift() is
  'Where the search projection differs from the listings; nothing, or something is broken.';
