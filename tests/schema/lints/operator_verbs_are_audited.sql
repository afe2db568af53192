/*
 * What the operator may do and nobody else is noted in the audit log, each call of it, so that the
 * marketplace can say who has touched a booking.
 * To do: call app_hidden.audit_operator() with the name of the function and what it changes.
 */
select p.oid::regprocedure::text as object, 'is not audited' as detail
from pg_proc p
where p.pronamespace = 'app_public'::regnamespace
  and p.provolatile = 'v'
  and has_function_privilege(':DATABASE_OPERATOR', p.oid, 'EXECUTE')
  and not has_function_privilege(':DATABASE_VISITOR', p.oid, 'EXECUTE')
  and position(
    format('app_hidden.audit_operator(%L', p.proname) in coalesce(p.prosrc, '')
  ) = 0
order by 1;
