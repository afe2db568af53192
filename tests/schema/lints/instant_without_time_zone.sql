/*
 * An instant without a time zone means another moment on every connection. Stays are local dates;
 * everything that happened at some moment is timestamptz and called ..._at.
 * To do: make it timestamptz.
 */
select format('%s.%I', c.oid::regclass, a.attname) as object,
  format_type(a.atttypid, a.atttypmod) as detail
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and c.relkind in ('r', 'p', 'v', 'm', 'c')
  and (
    a.atttypid in ('timestamp'::regtype, 'timetz'::regtype)
    or a.attname ~ '_at$' and a.atttypid <> 'timestamptz'::regtype
  )
order by 1;
