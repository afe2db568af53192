/*
 * The outbox: every change that others may want to know, written in the transaction of the change.
 * Mails read it, and whatever comes later: webhooks, subscriptions, caches.
 *
 * Numbers of an identity are drawn before the commit, so a lower one can become visible after a
 * higher one. A reader that goes by id would miss it. So an event gets its place in the order
 * (sequence) after its commit, by publish_events(), and readers go by that.
 *
 * The payload holds ids and nothing else: readers read the truth, and what is forgotten elsewhere
 * does not live on here.
 */
create table if not exists app_private.events (
  id bigint generated always as identity constraint events_pkey primary key,
  sequence bigint,
  type text not null
    constraint events_type_fkey references app_private.event_types on delete restrict,
  subject uuid not null,
  actor uuid,
  payload jsonb not null default '{}',
  transaction_id xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default app_hidden.clock(),

  constraint events_sequence_key unique (sequence),
  constraint events_payload_is_an_object check (jsonb_typeof(payload) = 'object')
);

alter table app_private.events enable row level security;
alter table app_private.events force row level security;

-- publish_events() numbers what has no place yet, and append_event() looks there for a repetition.
create index if not exists events_unpublished_idx on app_private.events (subject, type, id)
  where sequence is null;
-- Some readers want one type only.
create index if not exists events_type_idx on app_private.events (type, sequence);

comment on table app_private.events is 'What happened, for those who want to know.';
comment on column app_private.events.id is
  'Order of writing; of one subject, also the order in which it happened.';
comment on column app_private.events.sequence is
  'Place in the order that readers follow, without gaps; null until it is published.';
comment on column app_private.events.type is 'What happened.';
comment on column app_private.events.subject is
  'To whom or what: the id of a person, listing, booking, payment, refund or review.';
comment on column app_private.events.actor is 'Who was signed in; null for the system.';
comment on column app_private.events.payload is 'Ids of what else is concerned.';
comment on column app_private.events.transaction_id is 'What has the same one happened together.';
comment on column app_private.events.created_at is 'When it happened.';

select app_hidden.drop_policies('app_private.events');
