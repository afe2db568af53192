--! Previous: sha1:c265b12839954077760d97da9acad6603468d11f
--! Hash: sha1:f930da09f893876e191e55101de0880e46f1b73d
--! Message: ask after each in turn and ignore other accounts

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +9 -2   stripe/tables/stripe_events.sql
--   +32 -14 stripe/server/store_stripe_event.sql
--   +4 -1   payments/tables/payments.sql
--   +4 -1   payments/tables/refunds.sql
--   +48 -35 stripe/server/requeue_stale_stripe.sql
-- (npm run db:commit wrote these lines.)

alter table app_private.stripe_events add column if not exists account text;
alter table app_private.stripe_events add column if not exists livemode boolean;
alter table app_private.stripe_events add column if not exists ignored_because text;
alter table app_private.stripe_events add column if not exists asked_at timestamptz;
update app_private.stripe_events e
set account = e.payload ->> 'account',
    livemode = case when jsonb_typeof(e.payload -> 'livemode') = 'boolean'
      then (e.payload ->> 'livemode')::boolean end;
alter table app_private.stripe_events drop constraint if exists stripe_events_ignored_is_known;
alter table app_private.stripe_events add constraint stripe_events_ignored_is_known
  check (ignored_because in ('other_account', 'other_mode'));
drop index if exists app_private.stripe_events_waiting_idx;
--! Included stripe/tables/stripe_events.sql
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

comment on table app_private.stripe_events is 'Events that Stripe sent, each once.';

-- What a client is told: the code, and the sentence.
comment on constraint stripe_events_id_has_shape on app_private.stripe_events is
  'INVALID_INPUT: The id of an event begins with evt_.';
--! EndIncluded stripe/tables/stripe_events.sql
drop function if exists app_private.store_stripe_event(text, text, text, jsonb);
--! Included stripe/server/store_stripe_event.sql
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
--! EndIncluded stripe/server/store_stripe_event.sql
alter table app_public.payments add column if not exists asked_at timestamptz;
drop index if exists app_public.payments_open_idx;
--! Included payments/tables/payments.sql
/*
 * A charge of a booking's guest for one purpose. The amount and whose shares it is are read from
 * the booking by the database. Stripe's intent follows the row: its id and the number of the
 * attempt are the idempotency key, for Stripe repeats what it once answered under a key.
 */
create table if not exists app_public.payments (
  id uuid not null default uuidv7() constraint payments_pkey primary key,
  booking_id uuid not null
    constraint payments_booking_id_fkey references app_public.bookings on delete restrict,
  status app_public.payment_status not null default 'requires_payment',
  currency text not null
    constraint payments_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  captured_amount bigint not null default 0,
  refunded_amount bigint not null default 0,
  stripe_payment_intent_id text,
  stripe_charge_id text,
  failure_code text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),
  capture_method app_public.capture_method not null default 'automatic',
  authorised_until timestamptz,
  captured_at timestamptz,
  purpose app_public.payment_purpose not null default 'stay',
  sequence smallint not null default 1,
  attempt smallint not null default 1,
  stripe_customer_id text,
  host_amount bigint not null,
  platform_amount bigint not null,
  asked_at timestamptz,

  -- In the currency of its booking.
  constraint payments_booking_currency_fkey foreign key (booking_id, currency)
    references app_public.bookings (id, currency) on delete restrict,
  constraint payments_numbers_are_positive check (sequence > 0 and attempt > 0),
  constraint payments_shares_sum check (host_amount + platform_amount = amount),
  constraint payments_stripe_payment_intent_id_key unique (stripe_payment_intent_id),
  constraint payments_stripe_charge_id_key unique (stripe_charge_id),
  constraint payments_amounts_are_ordered check (
    amount > 0 and captured_amount between 0 and amount
    and refunded_amount between 0 and captured_amount
  ),
  constraint payments_captured_has_charge
    check (captured_amount = 0 or stripe_charge_id is not null)
);

alter table app_public.payments enable row level security;
alter table app_public.payments force row level security;

-- M6: at most one payment of a booking and purpose is alive or has taken money.
create unique index if not exists payments_one_live_a_purpose
  on app_public.payments (booking_id, purpose, sequence)
  where status not in ('failed', 'cancelled');
-- requeue_stale_stripe() asks after payments that have been open for long.
create index if not exists payments_open_idx
  on app_public.payments (coalesce(asked_at, created_at))
  where status in ('requires_payment', 'requires_action', 'processing', 'authorised');
create index if not exists payments_booking_id_idx on app_public.payments (booking_id, currency);
create index if not exists payments_currency_idx on app_public.payments (currency);

create or replace trigger _100_touch
  before update on app_public.payments
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_created
  after insert on app_public.payments
  for each row execute function app_hidden.tg__append_event('payment.created', 'id', 'booking_id');

create or replace trigger _600_status
  after update of status on app_public.payments
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('payment.{status}', 'id', 'booking_id');

comment on table app_public.payments is 'A charge of a booking''s guest, visible to that guest.';
comment on column app_public.payments.id is 'Public id of the payment.';
comment on column app_public.payments.booking_id is 'What is paid for.';
comment on column app_public.payments.status is 'Where the payment is.';
comment on column app_public.payments.currency is 'ISO 4217 currency.';
comment on column app_public.payments.amount is 'What is to be paid, in minor units.';
comment on column app_public.payments.captured_amount is 'What was taken, in minor units.';
comment on column app_public.payments.refunded_amount is 'What was given back, in minor units.';
comment on column app_public.payments.stripe_payment_intent_id is 'Stripe''s id of the intent.';
comment on column app_public.payments.stripe_charge_id is
  'Stripe''s id of the charge that took the money.';
comment on column app_public.payments.failure_code is
  'Why the last attempt failed, in Stripe''s words, such as card_declined.';
comment on column app_public.payments.capture_method is
  'Whether the money is taken at once, or set aside until the host accepts.';
comment on column app_public.payments.authorised_until is
  'Until when the bank sets the money aside, where Stripe has said so.';
comment on column app_public.payments.captured_at is 'When the money was taken.';
comment on column app_public.payments.purpose is 'What it is for.';
comment on column app_public.payments.sequence is
  'Which payment of that purpose it is, from 1.';
comment on column app_public.payments.attempt is
  'How many intents were made for it; one that was cancelled at Stripe is followed by another.';
comment on column app_public.payments.stripe_customer_id is 'Stripe''s id of the guest.';
comment on column app_public.payments.host_amount is
  'What the host earns of it, in minor units.';
comment on column app_public.payments.platform_amount is
  'What the platform earns of it, in minor units.';
comment on column app_public.payments.asked_at is 'When Stripe was last asked after it, unbidden.';
comment on column app_public.payments.created_at is 'When it was begun.';
comment on column app_public.payments.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint payments_stripe_payment_intent_id_key on app_public.payments is
  'INTERNAL: An intent belongs to one payment.';
comment on constraint payments_stripe_charge_id_key on app_public.payments is
  'INTERNAL: A charge belongs to one payment.';
comment on constraint payments_amounts_are_ordered on app_public.payments is
  'INTERNAL: No more is captured than asked for, and no more refunded than captured.';
comment on constraint payments_numbers_are_positive on app_public.payments is
  'INTERNAL: Payments and attempts are counted from 1.';
comment on constraint payments_shares_sum on app_public.payments is
  'INTERNAL: The shares of a payment are its amount.';
comment on constraint payments_captured_has_charge on app_public.payments is
  'INTERNAL: What is captured has a charge.';
--! EndIncluded payments/tables/payments.sql
alter table app_public.refunds add column if not exists asked_at timestamptz;
drop index if exists app_public.refunds_open_idx;
--! Included payments/tables/refunds.sql
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
--! EndIncluded payments/tables/refunds.sql
--! Included stripe/server/requeue_stale_stripe.sql
/*
 * The net under the webhooks: an event that was lost, or whose job gave up, must not hold nights or
 * money for ever. Queues a look at every payment of the last month that has been open for longer
 * than a hold lasts, at every refund that has been for longer than an hour, and again the job of
 * every stored event that waits for so long. A job that still has attempts left is let alone. What
 * was looked at longest ago comes first: a thousand that never come to an end starve nothing.
 * Returns how many were queued.
 */
create or replace function app_private.requeue_stale_stripe() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payments integer;
  v_refunds integer;
  v_events integer;
begin
  with stale as (
    update app_public.payments p set asked_at = app_hidden.clock()
    where p.id = any (array(
      select o.id from app_public.payments o
      where o.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
        and o.stripe_payment_intent_id is not null
        and o.created_at between app_hidden.clock() - interval '30 days'
          and app_hidden.clock() - interval '20 minutes'
        and not app_hidden.job_is_pending('payment__sync:' || o.id)
      order by coalesce(o.asked_at, o.created_at)
      limit 1000
    ))
    returning p.id, p.stripe_payment_intent_id
  )
  select count(app_hidden.add_job(
    'payment__sync', jsonb_build_object('paymentId', s.id), 'payment__sync:' || s.id,
    queue_name => app_hidden.stripe_queue(s.stripe_payment_intent_id)
  )) into v_payments from stale s;
  with stale as (
    update app_public.refunds r set asked_at = app_hidden.clock()
    where r.id = any (array(
      select o.id from app_public.refunds o
      where o.status in ('requested', 'pending')
        and o.created_at between app_hidden.clock() - interval '30 days'
          and app_hidden.clock() - interval '1 hour'
        and not app_hidden.job_is_pending('refund:' || o.id)
      order by coalesce(o.asked_at, o.created_at)
      limit 1000
    ))
    returning r.id
  )
  select count(app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', s.id), 'refund:' || s.id, max_attempts => 25
  )) into v_refunds from stale s;
  with stale as (
    update app_private.stripe_events e set asked_at = app_hidden.clock()
    where e.id = any (array(
      select o.id from app_private.stripe_events o
      where o.processed_at is null and o.received_at < app_hidden.clock() - interval '1 hour'
        and not app_hidden.job_is_pending('stripe_event:' || o.id)
      order by coalesce(o.asked_at, o.received_at)
      limit 1000
    ))
    returning e.id, e.object_id
  )
  select count(app_hidden.add_job(
    'stripe__process_event', jsonb_build_object('eventId', s.id), 'stripe_event:' || s.id,
    max_attempts => 25, queue_name => app_hidden.stripe_queue(s.object_id)
  )) into v_events from stale s;
  return v_payments + v_refunds + v_events;
end
$$;

grant execute on function app_private.requeue_stale_stripe() to :DATABASE_AUTHENTICATOR;

comment on function app_private.requeue_stale_stripe() is
  'Queues a look at payments, refunds and events that have waited for too long; says how many.';
--! EndIncluded stripe/server/requeue_stale_stripe.sql
