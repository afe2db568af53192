/*
 * A grant on the table covers the columns that it has today and those that it will get: the day
 * somebody adds "commission_bps", every host may set it. SELECT and DELETE are granted on the
 * table, INSERT and UPDATE by column; TRUNCATE, REFERENCES, TRIGGER and MAINTAIN are for nobody.
 * To do: grant insert (a, b), update (a) on ... to :DATABASE_VISITOR.
 */
select c.oid::regclass::text as object,
  format('%s granted to %s on the whole table', lower(a.privilege_type),
    case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end) as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(c.relacl) a
where n.nspname in ('app_public', 'app_hidden', 'app_private')
  and c.relkind in ('r', 'p', 'v', 'm')
  and a.grantee <> c.relowner
  and a.privilege_type not in ('SELECT', 'DELETE')
order by 1, 2;
