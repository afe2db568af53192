/*
 * What happens to a row when the row it refers to goes away is a decision: cascade, restrict or set
 * null. A foreign key that says nothing has the default, and nobody knows whether somebody thought
 * about it.
 * To do: write on delete restrict where the reference must keep the row alive.
 */
select format('%s on %s', k.conname, k.conrelid::regclass) as object,
  pg_get_constraintdef(k.oid) as detail
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
where k.contype = 'f'
  and k.conparentid = 0
  and k.confdeltype = 'a'
  and n.nspname in ('app_public', 'app_hidden', 'app_private')
order by 1;
