/*
 * The comments of app_public are the documentation of the API: they become the descriptions in
 * GraphQL. A smart tag in one (a line that begins with @) would hide a decision of exposure here
 * that belongs on the one page that shows them all, src/graphql/tags.json5.
 * To do: comment on ... is '<one sentence for the client developer>'.
 */
with exposed as (
  select c.oid::regclass::text as object, 'pg_class'::regclass as catalogue, c.oid, 0 as part
  from pg_class c
  where c.relnamespace = 'app_public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
  union all
  select format('%s.%I', c.oid::regclass, a.attname), 'pg_class'::regclass, c.oid, a.attnum
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'app_public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'c')
  union all
  select p.oid::regprocedure::text, 'pg_proc'::regclass, p.oid, 0
  from pg_proc p
  where p.pronamespace = 'app_public'::regnamespace
  union all
  select t.oid::regtype::text, 'pg_type'::regclass, t.oid, 0
  from pg_type t
  left join pg_class c on c.oid = t.typrelid
  where t.typnamespace = 'app_public'::regnamespace
    and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
)
select e.object,
  case when d.description is null then 'has no comment' else 'has a smart tag in its comment' end
    as detail
from exposed e
left join pg_description d
  on d.classoid = e.catalogue and d.objoid = e.oid and d.objsubid = e.part
where coalesce(btrim(d.description), '') = '' or d.description ~ '(^|\n)\s*@'
order by 1;
