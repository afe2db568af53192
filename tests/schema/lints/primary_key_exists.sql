/*
 * Without a primary key a row cannot be named: not by an update, not by replication, not by the
 * API.
 * To do: id uuid not null default uuidv7() constraint <table>_pkey primary key, or the natural key.
 */
select c.oid::regclass::text as object, 'has no primary key' as detail
from pg_class c
where c.relnamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and c.relkind in ('r', 'p')
  and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')
order by 1;
