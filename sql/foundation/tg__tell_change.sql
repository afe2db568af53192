/*
 * Tells every server what has changed of what it may keep, once the transaction has committed:
 * `listing:<id>` or `user:<id>` for answers to visitors, `session:<id>` for a session that has
 * ended, on the channel staybase_changes. The arguments of the trigger are the kind and the column
 * with the id. A notification that says the same as an earlier
 * one of its transaction is sent once.
 */
create or replace function app_hidden.tg__tell_change() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids text[] := array[]::text[];
begin
  if TG_OP <> 'INSERT' then v_ids := v_ids || (to_jsonb(OLD) ->> TG_ARGV[1]); end if;
  if TG_OP <> 'DELETE' then v_ids := v_ids || (to_jsonb(NEW) ->> TG_ARGV[1]); end if;
  perform pg_notify('staybase_changes', TG_ARGV[0] || ':' || id)
  from (select distinct unnest(v_ids) as id) changed;
  return null;
end
$$;

comment on function app_hidden.tg__tell_change() is
  'Tells servers that something has changed which they may keep.';
