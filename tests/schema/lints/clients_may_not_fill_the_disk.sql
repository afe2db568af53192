/*
 * What makes rows or files without a table is bound by no policy and no limit of ours. PostgreSQL
 * lets everybody make large objects.
 * To do: run db:migrate as a superuser, which revokes it; revoke from visitors what was granted.
 */
select p.oid::regprocedure::text as object, r.rolname::text as detail
from pg_proc p
join pg_roles r on r.rolname in
  (':DATABASE_VISITOR', ':DATABASE_OPERATOR', ':DATABASE_AUTHENTICATOR')
where p.pronamespace = 'pg_catalog'::regnamespace
  and p.proname ~ '^lo(_|read$|write$)'
  and has_function_privilege(r.oid, p.oid, 'EXECUTE')
order by 1, 2;
