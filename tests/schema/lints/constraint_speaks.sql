/*
 * A rule of the API that refuses a row tells the client which error it is and what must hold: its
 * comment is a code of src/errors.ts and a sentence. INTERNAL is for what no client can break. The
 * fields are its columns; foreign keys and primary keys speak for themselves.
 * To do: comment on constraint <name> on <table> is 'INVALID_INPUT: <what must hold>.'; where one
 * check is about several fields of which each can be wrong alone, make it several checks.
 */
select format('%s on %s', k.conname, coalesce(
    nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text)) as object,
  coalesce(d.description, 'has no comment') as detail
from pg_constraint k
left join pg_description d on d.objoid = k.oid and d.classoid = 'pg_constraint'::regclass
where k.connamespace = 'app_public'::regnamespace
  and k.contype in ('c', 'u', 'x')
  and (d.description is null or d.description !~ '^[A-Z][A-Z_]+: [A-Z].*\.$')
order by 1;
