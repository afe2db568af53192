/*
 * Gives committed events their place in the order that readers follow. One publisher works at a
 * time: the next one sees what it has numbered. An event that commits later gets a later place,
 * however low its id. Returns how many were published; call it until that is 0.
 */
create or replace function app_private.publish_events(event_limit integer default 10000)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last bigint;
  v_published integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('publish_events', 0));
  select coalesce(max(e.sequence), 0) into v_last from app_private.events e;
  update app_private.events e
  set sequence = v_last + fresh.place
  from (
    select f.id, row_number() over (order by f.id) as place
    from app_private.events f
    where f.sequence is null
    order by f.id
    limit publish_events.event_limit
  ) fresh
  where e.id = fresh.id;
  get diagnostics v_published = row_count;
  return v_published;
end
$$;

grant execute on function app_private.publish_events(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.publish_events(integer) is
  'Puts committed events in the order in which they are read; says how many.';
