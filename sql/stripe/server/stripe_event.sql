create or replace function app_private.stripe_event(
  event_id text, out type text, out object_id text, out payload jsonb, out is_processed boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.type, e.object_id, e.payload, e.processed_at is not null
  from app_private.stripe_events e where e.id = stripe_event.event_id
$$;

grant execute on function app_private.stripe_event(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.stripe_event(text) is
  'A stored event, for the job that acts on it.';
