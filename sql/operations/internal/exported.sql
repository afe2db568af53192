/*
 * A row as a person reads it, as in REST: listing_id is listingId, and amounts are text. A null
 * row is none.
 */
create or replace function app_hidden.exported(fields jsonb) returns jsonb
language sql immutable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(
    left(f.key, 1) || substr(replace(initcap(replace(f.key, '_', ' ')), ' ', ''), 2),
    case when f.key ~ '(^|_)amount$' and jsonb_typeof(f.value) = 'number'
      then to_jsonb(f.value #>> '{}') else f.value
    end
  )
  from jsonb_each(exported.fields) f
$$;

comment on function app_hidden.exported(jsonb) is
  'The fields of a row under the names that they have in REST, amounts as text.';
