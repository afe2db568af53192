/*
 * Triggers run in the order of their names, so the number is the order: _100_ fills in, _200_
 * checks, _500_ follows up. The name of the function says whether it is for one table (or those
 * around it) or for any.
 * To do: _NNN_<what> on the table, executing tg_<table>__<task>() or tg__<task>().
 */
select format('%s on %s', t.tgname, t.tgrelid::regclass) as object,
  format('executes %s', t.tgfoid::regprocedure) as detail
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_proc p on p.oid = t.tgfoid
where not t.tgisinternal
  and c.relnamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and not (
    t.tgname ~ '^_[0-9]{3}_[a-z][a-z0-9_]*$'
    and p.proname ~ '^tg_[a-z0-9_]+$'
    and p.proname ~ '__'
  )
order by 1;
