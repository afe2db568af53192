/*
 * Row-level security is the only door to a row. A table without it is open to whoever has a grant,
 * and one where it is not forced is open to every function that runs as the owner.
 * To do: alter table ... enable row level security, and force row level security.
 */
select c.oid::regclass::text as object,
  case when c.relrowsecurity then 'not forced' else 'not enabled' end as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('app_public', 'app_hidden', 'app_private')
  and c.relkind in ('r', 'p')
  and not (c.relrowsecurity and c.relforcerowsecurity)
order by 1;
