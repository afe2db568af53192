/*
 * A function of a row that clients may ask for is called for each row, and its query has a plan of
 * its own. Where PostgreSQL believes that a plan for these very values is cheaper than one for any,
 * it plans at each call, which can take longer than the query: 100 against 30 microseconds.
 * To do: set plan_cache_mode = force_generic_plan. What only computes needs no security definer,
 * and then becomes part of the statement.
 */
select p.oid::regprocedure::text as object, 'plans at each call' as detail
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
join pg_class c on c.reltype = p.proargtypes[0] and c.relkind in ('r', 'p', 'v')
where n.nspname = 'app_public'
  and l.lanname = 'sql'
  and p.prosecdef
  and not coalesce(p.proconfig @> array['plan_cache_mode=force_generic_plan'], false)
order by 1;
