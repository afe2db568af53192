/*
 * Money that a guest is owed or was given back. What was decided stands; a refund that fails stays
 * open until another takes its place or the operator has settled it otherwise.
 */
create table if not exists app_public.refunds (
  id uuid not null default uuidv7() constraint refunds_pkey primary key,
  payment_id uuid not null
    constraint refunds_payment_id_fkey references app_public.payments on delete restrict,
  status app_public.refund_status not null default 'requested',
  reason text not null,
  currency text not null
    constraint refunds_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  stripe_refund_id text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),
  reason_code app_public.refund_reason not null,
  origin app_public.refund_origin not null default 'ours',
  actor app_public.booking_actor not null default 'system',
  actor_id uuid constraint refunds_actor_id_fkey references app_public.users on delete set null,
  replaces_id uuid
    constraint refunds_replaces_id_fkey references app_public.refunds on delete restrict,
  resolved_at timestamptz,
  needs_attention boolean not null generated always as (
    status = 'failed' and origin = 'ours' and resolved_at is null
  ) stored,
  failure_code text,
  resolution text,
  resolver_id uuid
    constraint refunds_resolver_id_fkey references app_public.users on delete set null,
  asked_at timestamptz,

  constraint refunds_replaces_id_key unique (replaces_id),
  constraint refunds_resolution_is_bounded check (length(resolution) <= 1000),
  constraint refunds_resolved_has_failed check (resolved_at is null or status = 'failed'),
  constraint refunds_stripe_refund_id_key unique (stripe_refund_id),
  constraint refunds_amount_is_positive check (amount > 0)
);

alter table app_public.refunds enable row level security;
alter table app_public.refunds force row level security;

-- requeue_stale_stripe() asks after refunds that have been open for long.
create index if not exists refunds_open_idx
  on app_public.refunds (coalesce(asked_at, created_at))
  where status in ('requested', 'pending');
create index if not exists refunds_payment_id_idx on app_public.refunds (payment_id);
create index if not exists refunds_currency_idx on app_public.refunds (currency);
create index if not exists refunds_resolver_id_idx on app_public.refunds (resolver_id);
create index if not exists refunds_actor_id_idx on app_public.refunds (actor_id);
-- What the operator has to look at.
create index if not exists refunds_needing_attention_idx on app_public.refunds (id)
  where needs_attention;

create or replace trigger _100_touch
  before update on app_public.refunds
  for each row execute function app_hidden.tg__touch();

-- What was decided stands; what changes is how far it has come.
create or replace trigger _110_immutable
  before update of id, payment_id, currency, amount, reason_code, origin, actor, replaces_id
  on app_public.refunds
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _120_kept
  before delete on app_public.refunds
  for each row execute function app_hidden.tg__immutable();

create or replace trigger _600_created
  after insert on app_public.refunds
  for each row execute function app_hidden.tg__append_event('refund.created', 'id', 'payment_id');

create or replace trigger _600_status
  after update of status on app_public.refunds
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('refund.{status}', 'id', 'payment_id');

comment on table app_public.refunds is 'Money that a guest is given back.';
comment on column app_public.refunds.id is 'Public id of the refund.';
comment on column app_public.refunds.payment_id is 'The payment that is given back.';
comment on column app_public.refunds.status is 'Where the refund is.';
comment on column app_public.refunds.reason is 'Why it is given back.';
comment on column app_public.refunds.currency is 'ISO 4217 currency.';
comment on column app_public.refunds.amount is 'How much, in minor units.';
comment on column app_public.refunds.stripe_refund_id is 'Stripe''s id of the refund.';
comment on column app_public.refunds.reason_code is 'Why it is given back, as a code.';
comment on column app_public.refunds.origin is
  'Whether it is ours, or somebody made it at Stripe.';
comment on column app_public.refunds.actor is 'In which role somebody caused it.';
comment on column app_public.refunds.actor_id is 'Who caused it; null for the system.';
comment on column app_public.refunds.replaces_id is 'The refund that failed and that this repeats.';
comment on column app_public.refunds.resolved_at is
  'When another refund took the place of this one, which failed, or it was settled otherwise.';
comment on column app_public.refunds.needs_attention is
  'Whether it has failed and the guest is still owed the money.';
comment on column app_public.refunds.failure_code is
  'Why it failed, in Stripe''s words; superseded where another refund took its place before it was '
  'made.';
comment on column app_public.refunds.resolution is
  'How a refund that failed was settled otherwise.';
comment on column app_public.refunds.resolver_id is
  'Which operator repeated or settled a refund that failed.';
comment on column app_public.refunds.asked_at is 'When Stripe was last asked after it, unbidden.';
comment on column app_public.refunds.created_at is 'When it was decided.';
comment on column app_public.refunds.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint refunds_stripe_refund_id_key on app_public.refunds is
  'INTERNAL: A refund at Stripe is one of ours.';
comment on constraint refunds_amount_is_positive on app_public.refunds is
  'INTERNAL: A refund is more than zero.';
comment on constraint refunds_replaces_id_key on app_public.refunds is
  'INTERNAL: A refund that has failed is repeated once.';
comment on constraint refunds_resolution_is_bounded on app_public.refunds is
  'INVALID_INPUT: A note has at most 1000 characters.';
comment on constraint refunds_resolved_has_failed on app_public.refunds is
  'INTERNAL: Only a refund that has failed is settled otherwise.';
