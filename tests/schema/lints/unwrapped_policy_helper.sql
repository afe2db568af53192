/*
 * A helper without arguments that stands bare in a policy is called for every row that the query
 * looks at; inside (select ...) it is called once a query. On a table of a million rows that is the
 * whole query time.
 * To do: write (select app_public.current_user_id()). Helpers that take a column cannot be wrapped.
 */
select format('%s on %s.%s', p.policyname, p.schemaname, p.tablename) as object,
  (regexp_match(e.expression,
    '(?<!SELECT )((?:app_\w+\.\w+\(\))|(?:current_setting\([^)]*\)))'))[1] as detail
from pg_policies p
cross join lateral (values (p.qual), (p.with_check)) e(expression)
where p.schemaname in ('app_public', 'app_hidden', 'app_private')
  and e.expression ~ '(?<!SELECT )((app_\w+\.\w+\(\))|(current_setting\())'
order by 1;
