/*
 * A view reads its tables with the rights of its owner unless told otherwise: the policies of the
 * tables would be judged for the owner, who sees everything. Materialized views have no row-level
 * security at all.
 * To do: create view ... with (security_invoker = true); in place of a materialized view keep a
 * table by triggers.
 */
select c.oid::regclass::text as object,
  case c.relkind when 'm' then 'is materialized' else 'is not security_invoker' end as detail
from pg_class c
where c.relnamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and (
    c.relkind = 'm'
    or c.relkind = 'v'
      and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
  )
order by 1;
