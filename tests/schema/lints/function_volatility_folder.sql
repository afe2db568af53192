/*
 * The API shows a VOLATILE function as a mutation and any other as a query, and Postgres itself
 * refuses to write in a STABLE one only when it tries. The folder says what the author meant; the
 * function must be it. The test lists the files of sql/ in the temporary table sql_files(kind,
 * name).
 * To do: write stable (or immutable) in queries/ and computed/, volatile in mutations/ and
 * triggers/.
 */
select p.oid::regprocedure::text as object,
  format('is %s in %s/',
    case p.provolatile when 'v' then 'volatile' when 's' then 'stable' else 'immutable' end,
    f.kind) as detail
from pg_temp.sql_files f
join pg_proc p on p.proname = f.name
where p.pronamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and (
    f.kind in ('queries', 'computed') and p.provolatile = 'v'
    or f.kind in ('mutations', 'triggers') and p.provolatile <> 'v'
  )
order by 1;
