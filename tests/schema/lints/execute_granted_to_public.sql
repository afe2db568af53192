/*
 * PostgreSQL lets everybody execute a new function. A function that slipped through is a door that
 * nobody decided to open.
 * To do: revoke execute on function ... from public, and grant it by name.
 */
select p.oid::regprocedure::text as object, 'execute is granted to public' as detail
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('app_public', 'app_hidden', 'app_private')
  and exists (
    select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    where a.grantee = 0 and a.privilege_type = 'EXECUTE'
  )
order by 1;
