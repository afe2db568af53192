/*
 * Writes an event in the transaction of its cause. The same type and subject in one transaction
 * are one event: an edit that writes twenty rows is one edit. The first event of a transaction
 * also queues the job that publishes; a setting that ends with the transaction, and with a
 * savepoint that is rolled back, remembers that.
 */
create or replace function app_hidden.append_event(
  type text, subject uuid, payload jsonb default '{}'
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_private.events e
    where e.subject = append_event.subject and e.type = append_event.type and e.sequence is null
      and e.transaction_id = pg_current_xact_id()
  ) then
    return;
  end if;
  insert into app_private.events (type, subject, actor, payload)
  values (
    append_event.type, append_event.subject, app_public.current_user_id(), append_event.payload
  );
  if current_setting('staybase.publishes_events', true) is distinct from 'yes' then
    perform set_config('staybase.publishes_events', 'yes', true);
    perform app_hidden.add_job('event__publish', '{}');
  end if;
end
$$;

comment on function app_hidden.append_event(text, uuid, jsonb) is
  'Writes an event into the outbox, once a transaction for each type and subject.';
