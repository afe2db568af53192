create or replace function app_private.mark_stripe_event_processed(event_id text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.stripe_events e
  set processed_at = coalesce(e.processed_at, app_hidden.clock())
  where e.id = mark_stripe_event_processed.event_id
$$;

grant execute on function app_private.mark_stripe_event_processed(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mark_stripe_event_processed(text) is
  'Notes that an event has been acted on.';
