/*
 * A security definer function lends the rights of its owner, and the owner of a table may do
 * anything with it. Both must be the owner role, which row-level security binds: made by a
 * superuser, they would bypass every policy.
 * To do: run migrations with npm run db:migrate, which acts as :DATABASE_OWNER.
 */
select p.oid::regprocedure::text as object,
  format('belongs to %s', pg_get_userbyid(p.proowner)) as detail
from pg_proc p
where p.pronamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and pg_get_userbyid(p.proowner) <> ':DATABASE_OWNER'
union all
select c.oid::regclass::text, format('belongs to %s', pg_get_userbyid(c.relowner))
from pg_class c
where c.relnamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and c.relkind in ('r', 'p', 'v', 'm', 'S')
  and pg_get_userbyid(c.relowner) <> ':DATABASE_OWNER'
union all
select r.rolname::text, 'bypasses row-level security'
from pg_roles r
where r.rolname in (
    ':DATABASE_OWNER', ':DATABASE_AUTHENTICATOR', ':DATABASE_VISITOR', ':DATABASE_OPERATOR'
  )
  and (r.rolsuper or r.rolbypassrls)
order by 1;
