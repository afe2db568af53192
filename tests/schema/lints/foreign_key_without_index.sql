/*
 * Deleting or updating a referenced row looks for the rows that refer to it: without an index that
 * leads with the columns of the foreign key this reads the whole table, under a lock. A partial
 * index does not count: the check does not know its predicate.
 * To do: create index if not exists <table>_<column>_idx on ... (<column>), or put the column
 * first.
 */
select format('%s on %s', k.conname, k.conrelid::regclass) as object,
  pg_get_constraintdef(k.oid) as detail
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
where k.contype = 'f'
  and k.conparentid = 0
  and n.nspname in ('app_public', 'app_hidden', 'app_private')
  and not exists (
    select
    from pg_index i
    where i.indrelid = k.conrelid
      and i.indisvalid
      and i.indpred is null
      and i.indnkeyatts >= cardinality(k.conkey)
      and (
        select array_agg(x.attnum order by x.attnum)
        from unnest(i.indkey::smallint[]) with ordinality x(attnum, place)
        where x.place <= cardinality(k.conkey)
      ) = (select array_agg(x.attnum order by x.attnum) from unnest(k.conkey) x(attnum))
  )
order by 1;
