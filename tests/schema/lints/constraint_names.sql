/*
 * The name of a constraint is part of the error contract: it tells the client which rule was
 * broken. Names are in Postgres' own style: _pkey, _key, _fkey, _excl; a check is named by its
 * claim (users_bio_is_bounded), for "users_check1" says nothing.
 * To do: constraint <table>_<columns>_key unique (...), constraint <table>_<claim> check (...).
 */
with named as (
  select k.conname::text as name, k.contype, k.oid,
    coalesce(c.relname, t.typname)::text as owner,
    case when k.conrelid = 0 then k.contypid::regtype::text else k.conrelid::regclass::text end
      as place
  from pg_constraint k
  left join pg_class c on c.oid = k.conrelid
  left join pg_type t on t.oid = k.contypid
  where k.connamespace in (
      'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
    )
    and k.contype not in ('n', 't')
    and k.conparentid = 0
    -- An own name only; a foreign key that a partition inherits has its parent's.
    and (k.conrelid <> 0 or k.contypid <> 0)
    and (k.conrelid = 0 or c.relkind in ('r', 'p'))
)
select format('%s on %s', name, place) as object, pg_get_constraintdef(oid) as detail
from named
where not case contype
  when 'p' then name = owner || '_pkey'
  when 'u' then name ~ ('^' || owner || '_.+_key$')
  when 'f' then name ~ ('^' || owner || '_.+_fkey$')
  when 'x' then name ~ ('^' || owner || '_.+_excl$')
  when 'c' then name ~ ('^' || owner || '_.+') and name !~ '_check\d*$'
  else false
end
order by 1;
