/*
 * The inbox: what Stripe told us, kept before it is answered (W1). Acting on it is a job's work.
 */
create table if not exists app_private.stripe_events (
  id text not null constraint stripe_events_pkey primary key,
  type text not null,
  object_id text,
  payload jsonb not null,
  received_at timestamptz not null default app_hidden.clock(),
  processed_at timestamptz,
  account text,
  livemode boolean,
  ignored_because text,
  asked_at timestamptz,

  constraint stripe_events_ignored_is_known
    check (ignored_because in ('other_account', 'other_mode')),
  constraint stripe_events_id_has_shape check (id ~ '^evt_[A-Za-z0-9_]{1,250}$')
);

alter table app_private.stripe_events enable row level security;
alter table app_private.stripe_events force row level security;

-- What is not done yet, what was looked at longest ago first, for requeue_stale_stripe().
create index if not exists stripe_events_waiting_idx
  on app_private.stripe_events (coalesce(asked_at, received_at))
  where processed_at is null;

-- purge_stripe_events() finds what may be forgotten.
create index if not exists stripe_events_processed_at_idx
  on app_private.stripe_events (processed_at) where processed_at is not null;

-- What was told of one person's payments, to be erased with them.
create index if not exists stripe_events_object_id_idx on app_private.stripe_events (object_id);

comment on table app_private.stripe_events is 'Events that Stripe sent, each once.';

-- What a client is told: the code, and the sentence.
comment on constraint stripe_events_id_has_shape on app_private.stripe_events is
  'INVALID_INPUT: The id of an event begins with evt_.';
