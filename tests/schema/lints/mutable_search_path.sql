/*
 * A security definer function runs with the rights of its owner, and the search_path of its caller
 * decides what its names mean: whoever puts a table or an operator of their own in front takes over
 * those rights. Any other path than ours would be one more to think about.
 * To do: set search_path = pg_catalog, pg_temp, and write every name with its schema.
 */
select p.oid::regprocedure::text as object,
  coalesce(
    (select s from unnest(p.proconfig) s where s like 'search\_path=%'),
    'no search_path'
  ) as detail
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('app_public', 'app_hidden', 'app_private')
  and (
    p.prosecdef and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
    or exists (
      select from unnest(p.proconfig) s
      where s like 'search\_path=%' and s <> 'search_path=pg_catalog, pg_temp'
    )
  )
order by 1;
