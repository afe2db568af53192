/*
 * Keeps an event and queues its job. One that is not for us, for the reason given, is kept and not
 * acted on.
 */
create or replace function app_private.store_stripe_event(
  id text,
  type text,
  object_id text,
  payload jsonb,
  account text default null,
  livemode boolean default null,
  ignored_because text default null
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_private.stripe_events (
    id, type, object_id, payload, account, livemode, ignored_because, processed_at
  )
  values (
    store_stripe_event.id, store_stripe_event.type, store_stripe_event.object_id,
    store_stripe_event.payload, store_stripe_event.account, store_stripe_event.livemode,
    store_stripe_event.ignored_because,
    case when store_stripe_event.ignored_because is not null then app_hidden.clock() end
  )
  on conflict on constraint stripe_events_pkey do nothing;
  if not found then
    return false;
  end if;
  if store_stripe_event.ignored_because is null then
    perform app_hidden.add_job(
      'stripe__process_event',
      jsonb_build_object('eventId', store_stripe_event.id),
      'stripe_event:' || store_stripe_event.id,
      max_attempts => 25,
      queue_name => app_hidden.stripe_queue(store_stripe_event.object_id)
    );
  end if;
  return true;
end
$$;

grant execute on function app_private.store_stripe_event(
  text, text, text, jsonb, text, boolean, text
) to :DATABASE_AUTHENTICATOR;

comment on function app_private.store_stripe_event(
  text, text, text, jsonb, text, boolean, text
) is 'Keeps an event and queues its job in one transaction; false where it was kept before.';
