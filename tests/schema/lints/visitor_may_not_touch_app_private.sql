/*
 * app_private holds secrets and what only the server calls. Clients are kept out twice: they may
 * not name the schema, and nothing in it is granted to them, so that one mistake alone opens
 * nothing.
 * To do: revoke it. What a client needs goes through a function in app_public.
 */
with clients as (
  select r.oid, r.rolname::text as name from pg_roles r
  where r.rolname in (':DATABASE_VISITOR', ':DATABASE_OPERATOR')
  union all
  select 0, 'public'
), acls as (
  select 'schema app_private' as object, nspacl as acl from pg_namespace
  where nspname = 'app_private'
  union all
  select c.oid::regclass::text, c.relacl from pg_class c
  where c.relnamespace = 'app_private'::regnamespace
  union all
  select format('%s.%I', a.attrelid::regclass, a.attname), a.attacl
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  where c.relnamespace = 'app_private'::regnamespace and not a.attisdropped
  union all
  select p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc p
  where p.pronamespace = 'app_private'::regnamespace
)
select acls.object, format('%s for %s', lower(a.privilege_type), clients.name) as detail
from acls
cross join lateral aclexplode(acls.acl) a
join clients on clients.oid = a.grantee
order by 1, 2;
