/*
 * The next events of a reader, in order. The reader's place moves in the same transaction as what
 * is done about the events: what is rolled back is read again. Two at once read one after the
 * other. A reader that is new begins with the oldest event there is.
 */
create or replace function app_hidden.read_events(reader text, event_limit integer default 500)
returns setof app_private.events
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last bigint;
begin
  insert into app_private.event_readers (name) values (read_events.reader)
  on conflict on constraint event_readers_pkey do nothing;
  select r.last_sequence into v_last from app_private.event_readers r
  where r.name = read_events.reader
  for update;
  return query
  with batch as (
    select e.* from app_private.events e
    where e.sequence > v_last
    order by e.sequence
    limit read_events.event_limit
  ), moved as (
    update app_private.event_readers r set last_sequence = (select max(b.sequence) from batch b)
    where r.name = read_events.reader and exists (select from batch)
  )
  select b.* from batch b order by b.sequence;
end
$$;

comment on function app_hidden.read_events(text, integer) is
  'The events that a reader has not seen yet, in order; they count as read once this commits.';
