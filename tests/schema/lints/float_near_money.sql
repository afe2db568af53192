/*
 * Money is an integer in minor units beside its currency. A float loses cents, a numeric invites
 * fractions of one, and an amount without a currency is added to an amount of another one some day.
 * To do: call it <what>_amount, make it bigint, and have a column currency in the same table. A
 * table whose currency is fixed elsewhere by a foreign key is named below, with where.
 */
with currency_elsewhere(relation) as (
  values
    ('app_public.currencies') -- the row is a currency
), columns as (
  select c.oid, c.oid::regclass::text as relation, a.attname::text as name,
    format_type(a.atttypid, null) as type
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace in (
      'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
    )
    and c.relkind in ('r', 'p', 'v', 'm', 'c')
)
select format('%s.%s', relation, name) as object, format('%s near money', type) as detail
from columns
where name ~ '(^|_)(amounts?|prices?|totals?|fees?)($|_)'
  and type in ('real', 'double precision', 'numeric', 'money')
union all
select format('%s.%s', relation, name), format('%s, not bigint', type)
from columns
where name ~ '(^|_)amount$'
  and type not in ('bigint', 'real', 'double precision', 'numeric', 'money')
union all
select format('%s.%s', c.relation, c.name), 'an amount without a column currency'
from columns c
where c.name ~ '(^|_)amount$'
  and c.relation not in (select relation from currency_elsewhere)
  and not exists (
    select from columns o where o.oid = c.oid and o.name in ('currency', 'currency_number')
  )
union all
select format('%s %s', p.oid::regprocedure, x.name), format('%s near money', x.type::regtype)
from pg_proc p
cross join lateral unnest(
  p.proargnames, coalesce(p.proallargtypes, p.proargtypes::oid[])
) x(name, type)
where p.pronamespace in (
    'app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace
  )
  and x.name ~ '(^|_)amount$'
  and x.type <> 'bigint'::regtype
order by 1, 2;
