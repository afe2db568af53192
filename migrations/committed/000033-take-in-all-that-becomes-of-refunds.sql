--! Previous: sha1:c0857d271515dc0ca7002fb15e7d7894d3ddc8b8
--! Hash: sha1:eae098eba4c70dd4a317916abefac09b1c781336
--! Message: take in all that becomes of refunds

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +35 -3  ledger/tables/ledger_transactions.sql
--   new     ledger/triggers/tg_ledger_entries__with_parent.sql
--   +16 -6  ledger/internal/post_ledger.sql
--   +15 -0  payments/tables/refunds.sql
--   new     payments/tables/unknown_charges.sql
--   new     payments/policies/unknown_charges.sql
--   new     payments/server/unknown_charge_for_job.sql
--   new     checkout/triggers/tg_ledger_transactions__cause_fits.sql
--   +7 -4   checkout/internal/queue_refund.sql
--   +4 -2   checkout/internal/record_capture.sql
--   new     checkout/server/record_unknown_charge.sql
--   new     checkout/internal/apply_unknown_refund.sql
--   new     checkout/internal/replace_refund.sql
--   new     checkout/internal/supersede_refund.sql
--   new     checkout/internal/take_in_refund.sql
--   new     checkout/internal/undo_foreign_refund.sql
--   new     checkout/internal/move_refund.sql
--   +45 -47 checkout/server/apply_refund.sql
--   new     checkout/server/refuse_refund.sql
--   new     checkout/internal/require_reason.sql
--   +1 -5   checkout/mutations/cancel_booking_as_operator.sql
--   new     checkout/types/cost_bearer.sql
--   new     checkout/internal/require_refundable.sql
--   new     checkout/internal/require_failed_refund.sql
--   new     checkout/mutations/refund_booking.sql
--   new     checkout/mutations/retry_refund.sql
--   new     checkout/mutations/settle_refund.sql
--   new     checkout/internal/ledger_transaction_faults.sql
--   new     checkout/internal/ledger_booking_faults.sql
--   +5 -21  checkout/server/ledger_drift.sql
--   new     checkout/server/guests_owed.sql
--   +2 -0   notifications/internal/mails_of_event.sql
-- (npm run db:commit wrote these lines.)

alter table app_public.ledger_transactions add column if not exists payment_id uuid;
alter table app_public.ledger_transactions add column if not exists refund_id uuid;
alter table app_public.ledger_transactions add column if not exists reverses_id uuid
  constraint ledger_transactions_reverses_id_fkey
    references app_public.ledger_transactions on delete restrict;
-- Transactions of the past get no entries any more: they were written by nobody who still writes.
alter table app_public.ledger_transactions add column if not exists written_by text;
alter table app_public.ledger_transactions
  alter column written_by set default pg_current_xact_id()::text;
-- What the facts of the past are of. Nothing that was written changes.
alter table app_public.ledger_transactions disable trigger _100_immutable;
update app_public.ledger_transactions t set payment_id = p.id
from app_public.payments p
where t.external_fact = 'charge:' || p.stripe_charge_id and t.payment_id is null;
update app_public.ledger_transactions t
set refund_id = r.id, payment_id = r.payment_id,
    reverses_id = case when t.kind = 'refund_failure' then (
      select o.id from app_public.ledger_transactions o
      where o.external_fact = 'refund:' || r.stripe_refund_id
    ) end
from app_public.refunds r
where t.external_fact in (
  'refund:' || r.stripe_refund_id, 'refund_failure:' || r.stripe_refund_id
) and t.refund_id is null;
alter table app_public.ledger_transactions enable trigger _100_immutable;
alter table app_public.ledger_transactions
  drop constraint if exists ledger_transactions_kind_is_known,
  drop constraint if exists ledger_transactions_reverses_id_key,
  drop constraint if exists ledger_transactions_names_its_cause;
alter table app_public.ledger_transactions
  add constraint ledger_transactions_kind_is_known check (
    kind in (
      'charge', 'late_charge', 'cancellation', 'goodwill', 'refund', 'refund_failure',
      'foreign_refund', 'foreign_refund_failure', 'settlement', 'unknown_charge'
    )
  ),
  add constraint ledger_transactions_reverses_id_key unique (reverses_id),
  add constraint ledger_transactions_names_its_cause check (
    case
      when kind in ('charge', 'late_charge') then payment_id is not null
      when kind in ('foreign_refund', 'foreign_refund_failure', 'settlement')
        then refund_id is not null
      else true
    end
  );
--! Included ledger/tables/ledger_transactions.sql
/*
 * One external fact, written down once (M3), and never changed (M2): a correction is another
 * transaction that reverses it.
 */
create table if not exists app_public.ledger_transactions (
  id uuid not null default uuidv7() constraint ledger_transactions_pkey primary key,
  external_fact text not null,
  kind text not null,
  booking_id uuid
    constraint ledger_transactions_booking_id_fkey
      references app_public.bookings on delete restrict,
  created_at timestamptz not null default app_hidden.clock(),
  payment_id uuid,
  refund_id uuid,
  reverses_id uuid
    constraint ledger_transactions_reverses_id_fkey
      references app_public.ledger_transactions on delete restrict,
  -- Entries are written in the transaction that writes their parent, and never after.
  written_by text default pg_current_xact_id()::text,

  constraint ledger_transactions_external_fact_key unique (external_fact),
  constraint ledger_transactions_kind_is_known check (
    kind in (
      'charge', 'late_charge', 'cancellation', 'goodwill', 'refund', 'refund_failure',
      'foreign_refund', 'foreign_refund_failure', 'settlement', 'unknown_charge'
    )
  ),
  -- What is taken back is taken back once.
  constraint ledger_transactions_reverses_id_key unique (reverses_id),
  constraint ledger_transactions_names_its_cause check (
    case
      when kind in ('charge', 'late_charge') then payment_id is not null
      when kind in ('foreign_refund', 'foreign_refund_failure', 'settlement')
        then refund_id is not null
      else true
    end
  )
);

alter table app_public.ledger_transactions enable row level security;
alter table app_public.ledger_transactions force row level security;

create index if not exists ledger_transactions_booking_id_idx
  on app_public.ledger_transactions (booking_id);

create index if not exists ledger_transactions_payment_id_idx
  on app_public.ledger_transactions (payment_id);
create index if not exists ledger_transactions_refund_id_idx
  on app_public.ledger_transactions (refund_id);

create or replace trigger _100_immutable
  before update or delete on app_public.ledger_transactions
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_transactions
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.ledger_transactions is
  'Something that happened to money; its entries sum to zero.';
comment on column app_public.ledger_transactions.id is 'Public id of the transaction.';
comment on column app_public.ledger_transactions.external_fact is
  'What happened outside, such as charge:ch_123; once each.';
comment on column app_public.ledger_transactions.kind is
  'charge, late_charge, cancellation, goodwill, refund, refund_failure, foreign_refund, '
  'foreign_refund_failure, settlement or unknown_charge.';
comment on column app_public.ledger_transactions.booking_id is 'The booking it is about.';
comment on column app_public.ledger_transactions.payment_id is 'The payment it is of.';
comment on column app_public.ledger_transactions.refund_id is 'The refund it is of.';
comment on column app_public.ledger_transactions.reverses_id is
  'The transaction that it takes back.';
comment on column app_public.ledger_transactions.written_by is
  'The transaction of the database that wrote it.';
comment on column app_public.ledger_transactions.created_at is 'When it was written down.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_transactions_external_fact_key on app_public.ledger_transactions is
  'INTERNAL: What happened outside is in the ledger once.';
comment on constraint ledger_transactions_reverses_id_key on app_public.ledger_transactions is
  'INTERNAL: A transaction of the ledger is taken back once.';
comment on constraint ledger_transactions_names_its_cause on app_public.ledger_transactions is
  'INTERNAL: A transaction of the ledger names the payment or refund that it is of.';
comment on constraint ledger_transactions_kind_is_known on app_public.ledger_transactions is
  'INTERNAL: The ledger knows this kind of transaction.';
--! EndIncluded ledger/tables/ledger_transactions.sql
--! Included ledger/triggers/tg_ledger_entries__with_parent.sql
/*
 * M2, the other half: what was written stays as it is also by addition. Entries come with their
 * transaction, in one transaction of the database, or not at all.
 */
create or replace function app_hidden.tg_ledger_entries__with_parent() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.ledger_transactions t
    where t.id = NEW.transaction_id and t.written_by = pg_current_xact_id()::text
  ) then
    raise exception 'Entries are written together with their ledger transaction.'
      using errcode = 'SBM02';
  end if;
  return NEW;
end
$$;

create or replace trigger _200_with_parent
  before insert on app_public.ledger_entries
  for each row execute function app_hidden.tg_ledger_entries__with_parent();

comment on function app_hidden.tg_ledger_entries__with_parent() is
  'Refuses entries that are added to an older ledger transaction.';
--! EndIncluded ledger/triggers/tg_ledger_entries__with_parent.sql
drop function if exists app_hidden.post_ledger(text, text, uuid, app_hidden.ledger_posting[]);
--! Included ledger/internal/post_ledger.sql
/*
 * Writes one external fact into the ledger, once: a fact that is there already changes nothing and
 * gives false. It names the payment or the refund that it is of, and what it takes back. Postings
 * of zero are left out.
 *
 * Accounts are made when first needed. They are made in one order, so that two facts that need the
 * same new accounts wait for each other and do not deadlock.
 */
create or replace function app_hidden.post_ledger(
  external_fact text,
  kind text,
  booking_id uuid,
  postings app_hidden.ledger_posting[],
  payment_id uuid default null,
  refund_id uuid default null,
  reverses_id uuid default null
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_transaction_id uuid;
begin
  insert into app_public.ledger_transactions (
    external_fact, kind, booking_id, payment_id, refund_id, reverses_id
  )
  values (
    post_ledger.external_fact, post_ledger.kind, post_ledger.booking_id, post_ledger.payment_id,
    post_ledger.refund_id, post_ledger.reverses_id
  )
  on conflict on constraint ledger_transactions_external_fact_key do nothing
  returning id into v_transaction_id;
  if v_transaction_id is null then
    return false;
  end if;

  insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
  select v_transaction_id, app_hidden.ledger_account(p.account_kind, p.currency, p.user_id),
    p.currency, p.amount
  from (
    select * from unnest(post_ledger.postings) where amount <> 0
    order by account_kind, user_id, currency
  ) p;
  return true;
end
$$;

comment on function app_hidden.post_ledger(
  text, text, uuid, app_hidden.ledger_posting[], uuid, uuid, uuid
) is 'Writes an external fact into the ledger; false where it is there already.';
--! EndIncluded ledger/internal/post_ledger.sql
alter table app_public.refunds add column if not exists failure_code text;
alter table app_public.refunds add column if not exists resolution app_public.prose;
alter table app_public.refunds add column if not exists resolver_id uuid
  constraint refunds_resolver_id_fkey references app_public.users on delete set null;
alter table app_public.refunds drop constraint if exists refunds_resolution_is_bounded;
alter table app_public.refunds
  add constraint refunds_resolution_is_bounded check (length(resolution) <= 1000);
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
  resolution app_public.prose,
  resolver_id uuid
    constraint refunds_resolver_id_fkey references app_public.users on delete set null,

  constraint refunds_replaces_id_key unique (replaces_id),
  constraint refunds_resolution_is_bounded check (length(resolution) <= 1000),
  constraint refunds_resolved_has_failed check (resolved_at is null or status = 'failed'),
  constraint refunds_stripe_refund_id_key unique (stripe_refund_id),
  constraint refunds_amount_is_positive check (amount > 0)
);

alter table app_public.refunds enable row level security;
alter table app_public.refunds force row level security;

-- requeue_stale_stripe() asks after refunds that have been open for long.
create index if not exists refunds_open_idx on app_public.refunds (created_at)
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
--! Included payments/tables/unknown_charges.sql
/*
 * Money that Stripe took under the name of one of our payments or bookings, and that none of them
 * asked for: an intent of another amount, or a second one. It is given back, and shown to the
 * operator: somebody has our key, or something is wrong.
 */
create table if not exists app_public.unknown_charges (
  id uuid not null default uuidv7() constraint unknown_charges_pkey primary key,
  stripe_payment_intent_id text not null,
  stripe_charge_id text not null,
  payment_id uuid
    constraint unknown_charges_payment_id_fkey references app_public.payments on delete restrict,
  booking_id uuid
    constraint unknown_charges_booking_id_fkey references app_public.bookings on delete restrict,
  currency text not null
    constraint unknown_charges_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  status app_public.refund_status not null default 'requested',
  stripe_refund_id text,
  failure_code text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint unknown_charges_stripe_payment_intent_id_key unique (stripe_payment_intent_id),
  constraint unknown_charges_stripe_charge_id_key unique (stripe_charge_id),
  constraint unknown_charges_amount_is_positive check (amount > 0)
);

alter table app_public.unknown_charges enable row level security;
alter table app_public.unknown_charges force row level security;

create index if not exists unknown_charges_payment_id_idx
  on app_public.unknown_charges (payment_id);
create index if not exists unknown_charges_booking_id_idx
  on app_public.unknown_charges (booking_id);
create index if not exists unknown_charges_currency_idx on app_public.unknown_charges (currency);

create or replace trigger _100_touch
  before update on app_public.unknown_charges
  for each row execute function app_hidden.tg__touch();
create or replace trigger _110_immutable
  before update of id, stripe_payment_intent_id, stripe_charge_id, currency, amount
  on app_public.unknown_charges
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _120_kept
  before delete on app_public.unknown_charges
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.unknown_charges is
  'Money that was taken in our name and that no booking asked for; it is given back. For the '
  'operator.';
comment on column app_public.unknown_charges.id is 'Public id of the charge.';
comment on column app_public.unknown_charges.stripe_payment_intent_id is
  'Stripe''s id of the intent.';
comment on column app_public.unknown_charges.stripe_charge_id is 'Stripe''s id of the charge.';
comment on column app_public.unknown_charges.payment_id is 'The payment that it names as its own.';
comment on column app_public.unknown_charges.booking_id is 'The booking that it names as its own.';
comment on column app_public.unknown_charges.currency is 'ISO 4217 currency.';
comment on column app_public.unknown_charges.amount is 'What was taken, in minor units.';
comment on column app_public.unknown_charges.status is 'Where its refund is.';
comment on column app_public.unknown_charges.stripe_refund_id is 'Stripe''s id of the refund.';
comment on column app_public.unknown_charges.failure_code is
  'Why the refund failed, in Stripe''s words.';
comment on column app_public.unknown_charges.created_at is 'When it was found.';
comment on column app_public.unknown_charges.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint unknown_charges_stripe_payment_intent_id_key on app_public.unknown_charges is
  'INTERNAL: An unknown charge is written down once.';
comment on constraint unknown_charges_stripe_charge_id_key on app_public.unknown_charges is
  'INTERNAL: An unknown charge is written down once.';
comment on constraint unknown_charges_amount_is_positive on app_public.unknown_charges is
  'INTERNAL: A charge is more than zero.';
--! EndIncluded payments/tables/unknown_charges.sql
--! Included payments/policies/unknown_charges.sql
select app_hidden.drop_policies('app_public.unknown_charges');

create policy select_operator on app_public.unknown_charges for select to :DATABASE_OPERATOR
  using (true);
-- No insert, update or delete: they follow Stripe.

grant select on app_public.unknown_charges to :DATABASE_OPERATOR;
--! EndIncluded payments/policies/unknown_charges.sql
--! Included payments/server/unknown_charge_for_job.sql
create or replace function app_private.unknown_charge_for_job(
  unknown_charge_id uuid,
  out status app_public.refund_status, out stripe_payment_intent_id text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.status, c.stripe_payment_intent_id
  from app_public.unknown_charges c where c.id = unknown_charge_for_job.unknown_charge_id
$$;

grant execute on function app_private.unknown_charge_for_job(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.unknown_charge_for_job(uuid) is
  'What a job needs to give an unknown charge back.';
--! EndIncluded payments/server/unknown_charge_for_job.sql
--! Included checkout/triggers/tg_ledger_transactions__cause_fits.sql
/*
 * A transaction of the ledger is of a payment or a refund of its own booking, whoever wrote it. The
 * ledger stands above payments and does not know them: so their keys are here, too.
 */
create or replace function app_hidden.tg_ledger_transactions__cause_fits() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.payments p
    where p.id = NEW.payment_id and p.booking_id is distinct from NEW.booking_id
  ) or exists (
    select from app_public.refunds r
    join app_public.payments p on p.id = r.payment_id
    where r.id = NEW.refund_id and p.booking_id is distinct from NEW.booking_id
  ) then
    raise exception 'A ledger transaction is of a payment of its own booking.'
      using errcode = 'SBM02';
  end if;
  return NEW;
end
$$;

create or replace trigger _200_cause_fits
  before insert on app_public.ledger_transactions
  for each row execute function app_hidden.tg_ledger_transactions__cause_fits();

do $$
begin
  alter table app_public.ledger_transactions
    add constraint ledger_transactions_payment_id_fkey foreign key (payment_id)
      references app_public.payments (id) on delete restrict,
    add constraint ledger_transactions_refund_id_fkey foreign key (refund_id)
      references app_public.refunds (id) on delete restrict;
exception
  when duplicate_object then null;
end
$$;

comment on function app_hidden.tg_ledger_transactions__cause_fits() is
  'Refuses ledger transactions of another booking''s payment or refund.';
--! EndIncluded checkout/triggers/tg_ledger_transactions__cause_fits.sql
drop function if exists app_hidden.queue_refund(
  uuid, bigint, app_public.refund_reason, text, app_public.booking_actor, uuid
);
--! Included checkout/internal/queue_refund.sql
/*
 * Decides that a guest is given back an amount of a booking, from its newest payment to its oldest,
 * queues the jobs that ask Stripe, and says which refunds these are. The caller posts the debt to
 * guest_payable in the same transaction, and holds the lock on the booking.
 */
create or replace function app_hidden.queue_refund(
  booking_id uuid,
  amount bigint,
  reason_code app_public.refund_reason,
  reason text,
  actor app_public.booking_actor,
  actor_id uuid default null
) returns uuid[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_left bigint := queue_refund.amount;
  v_payment record;
  v_refund_id uuid;
  v_refund_ids uuid[] := '{}';
begin
  for v_payment in
    select p.id, p.currency, p.captured_amount - coalesce((
      select sum(r.amount) from app_public.refunds r
      where r.payment_id = p.id and r.status <> 'failed'
    ), 0) as refundable
    from app_public.payments p
    where p.booking_id = queue_refund.booking_id and p.captured_amount > 0
    order by p.id desc
  loop
    continue when v_payment.refundable <= 0;
    exit when v_left = 0;
    insert into app_public.refunds (
      payment_id, reason_code, reason, currency, amount, actor, actor_id
    )
    values (
      v_payment.id, queue_refund.reason_code, queue_refund.reason, v_payment.currency,
      least(v_left, v_payment.refundable), queue_refund.actor, queue_refund.actor_id
    )
    returning id into v_refund_id;
    v_refund_ids := v_refund_ids || v_refund_id;
    v_left := v_left - least(v_left, v_payment.refundable);
    perform app_hidden.add_job(
      'refund__create', jsonb_build_object('refundId', v_refund_id), 'refund:' || v_refund_id,
      max_attempts => 25
    );
  end loop;
  if v_left > 0 then
    raise exception 'The payments of this booking do not hold so much.'
      using errcode = 'SBM04', column = 'amount';
  end if;
  return v_refund_ids;
end
$$;

comment on function app_hidden.queue_refund(
  uuid, bigint, app_public.refund_reason, text, app_public.booking_actor, uuid
) is 'Decides on refunds of a booking, newest payment first, and queues their jobs; says which.';
--! EndIncluded checkout/internal/queue_refund.sql
--! Included checkout/internal/record_capture.sql
/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform. One that came too late, that no
 * host accepted, or of which somebody took a part only, is kept apart in guest_payable until it has
 * gone back.
 */
create or replace function app_hidden.record_capture(
  payment app_public.payments,
  booking app_public.bookings,
  received_amount bigint,
  charge_id text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_sold boolean := false;
begin
  if record_capture.charge_id is null
    or coalesce(record_capture.received_amount, 0) not between 1 and payment.amount
  then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = record_capture.received_amount,
      captured_at = app_hidden.clock(), stripe_charge_id = record_capture.charge_id,
      failure_code = null
  where p.id = payment.id;

  if record_capture.received_amount = payment.amount then
    v_sold := app_hidden.confirm_booking(booking);
  elsif booking.status in ('pending_payment', 'requested', 'accepted') then
    update app_public.bookings b
    set status = 'cancelled', status_actor = 'system',
        status_reason = 'Another amount was taken than was asked for.'
    where b.id = booking.id;
  end if;
  if v_sold then
    perform app_hidden.post_ledger(
      'charge:' || record_capture.charge_id, 'charge', booking.id,
      array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('host_payable', booking.host_id, payment.currency, -booking.host_amount),
        row('platform_revenue', null, payment.currency, -booking.platform_amount)
      ]::app_hidden.ledger_posting[],
      payment_id => payment.id
    );
    return 'confirmed';
  end if;

  perform app_hidden.post_ledger(
    'charge:' || record_capture.charge_id, 'late_charge', booking.id,
    array[
      row('stripe_balance', null, payment.currency, record_capture.received_amount),
      row('guest_payable', null, payment.currency, -record_capture.received_amount)
    ]::app_hidden.ledger_posting[],
    payment_id => payment.id
  );
  if record_capture.received_amount < payment.amount then
    perform app_hidden.queue_refund(
      booking.id, record_capture.received_amount, 'not_accepted',
      'Another amount was taken than was asked for.', 'system'
    );
  elsif booking.booking_mode = 'request' then
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'not_accepted',
      'The money was taken for a request that was not accepted, or had ended.', 'system'
    );
  else
    perform app_hidden.queue_refund(
      booking.id, payment.amount, 'late_payment', 'The payment came after the hold had expired.',
      'system'
    );
  end if;
  return 'refunding';
end
$$;

comment on function app_hidden.record_capture(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
--! EndIncluded checkout/internal/record_capture.sql
--! Included checkout/server/record_unknown_charge.sql
/*
 * A charge that carries our metadata and that no payment of ours asked for. Where neither payment
 * nor booking is one of ours it is none of our business, and false comes back. The money is owed to
 * whoever paid it, and goes back by a job.
 */
create or replace function app_private.record_unknown_charge(
  intent_id text,
  charge_id text,
  amount bigint,
  currency text,
  payment_id uuid,
  booking_id uuid
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payment_id uuid := (
    select p.id from app_public.payments p where p.id = record_unknown_charge.payment_id
  );
  v_booking_id uuid := (
    select b.id from app_public.bookings b where b.id = record_unknown_charge.booking_id
  );
  v_id uuid;
begin
  if v_payment_id is null and v_booking_id is null then
    return false;
  end if;
  insert into app_public.unknown_charges (
    stripe_payment_intent_id, stripe_charge_id, payment_id, booking_id, currency, amount
  )
  values (
    record_unknown_charge.intent_id, record_unknown_charge.charge_id, v_payment_id, v_booking_id,
    record_unknown_charge.currency, record_unknown_charge.amount
  )
  on conflict on constraint unknown_charges_stripe_payment_intent_id_key do nothing
  returning id into v_id;
  if v_id is not null then
    perform app_hidden.post_ledger(
      'charge:' || record_unknown_charge.charge_id, 'unknown_charge', null,
      array[
        row('stripe_balance', null, record_unknown_charge.currency, record_unknown_charge.amount),
        row('guest_payable', null, record_unknown_charge.currency, -record_unknown_charge.amount)
      ]::app_hidden.ledger_posting[]
    );
    perform app_hidden.add_job(
      'refund__create_unknown', jsonb_build_object('unknownChargeId', v_id),
      'unknown_charge:' || v_id, max_attempts => 25
    );
  end if;
  return true;
end
$$;

grant execute on function app_private.record_unknown_charge(text, text, bigint, text, uuid, uuid)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.record_unknown_charge(text, text, bigint, text, uuid, uuid) is
  'Writes down a charge in our name that nobody asked for, and gives it back; false where it is '
  'not in our name.';
--! EndIncluded checkout/server/record_unknown_charge.sql
--! Included checkout/internal/apply_unknown_refund.sql
/*
 * Brings the refund of an unknown charge to where Stripe's is. The ledger follows the money out,
 * and back where the refund fails.
 */
create or replace function app_hidden.apply_unknown_refund(
  intent_id text, stripe_refund_id text, new_status app_public.refund_status, failure_code text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_charge app_public.unknown_charges;
  v_amount bigint;
begin
  select c.* into v_charge from app_public.unknown_charges c
  where c.stripe_payment_intent_id = apply_unknown_refund.intent_id
  for no key update;
  if v_charge.id is null then
    return 'unknown';
  end if;
  if apply_unknown_refund.new_status <= v_charge.status
    or v_charge.stripe_refund_id <> apply_unknown_refund.stripe_refund_id
  then
    return 'unchanged';
  end if;
  update app_public.unknown_charges c
  set status = apply_unknown_refund.new_status,
      stripe_refund_id = apply_unknown_refund.stripe_refund_id,
      failure_code = apply_unknown_refund.failure_code
  where c.id = v_charge.id;
  v_amount := case
    when apply_unknown_refund.new_status = 'succeeded' then v_charge.amount
    when apply_unknown_refund.new_status = 'failed' and v_charge.status = 'succeeded'
      then -v_charge.amount
  end;
  if v_amount is not null then
    perform app_hidden.post_ledger(
      case when v_amount > 0 then 'refund:' else 'refund_failure:' end
        || apply_unknown_refund.stripe_refund_id,
      case when v_amount > 0 then 'refund' else 'refund_failure' end,
      null,
      array[
        row('guest_payable', null, v_charge.currency, v_amount),
        row('stripe_balance', null, v_charge.currency, -v_amount)
      ]::app_hidden.ledger_posting[]
    );
  end if;
  return apply_unknown_refund.new_status::text;
end
$$;

comment on function app_hidden.apply_unknown_refund(
  text, text, app_public.refund_status, text
) is 'Brings the refund of an unknown charge to where Stripe''s is.';
--! EndIncluded checkout/internal/apply_unknown_refund.sql
--! Included checkout/internal/replace_refund.sql
create or replace function app_hidden.replace_refund(refund app_public.refunds, amount bigint)
returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
begin
  insert into app_public.refunds (
    payment_id, currency, amount, reason_code, reason, actor, actor_id, replaces_id
  )
  values (
    refund.payment_id, refund.currency, replace_refund.amount, refund.reason_code, refund.reason,
    refund.actor, refund.actor_id, refund.id
  )
  returning * into v_refund;
  perform app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', v_refund.id), 'refund:' || v_refund.id,
    max_attempts => 25
  );
  return v_refund;
end
$$;

comment on function app_hidden.replace_refund(app_public.refunds, bigint) is
  'A refund in the place of one that was not made, with its job.';
--! EndIncluded checkout/internal/replace_refund.sql
--! Included checkout/internal/supersede_refund.sql
/*
 * Another refund has taken the place of one that Stripe has not made yet; what of it is still owed,
 * if anything, is asked for by a new one. The caller holds the locks on booking and payment.
 */
create or replace function app_hidden.supersede_refund(
  refund app_public.refunds, still_owed bigint
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.refunds r
  set status = 'failed', failure_code = 'superseded', resolved_at = app_hidden.clock()
  where r.id = refund.id;
  if still_owed > 0 then
    perform app_hidden.replace_refund(refund, still_owed);
  end if;
end
$$;

comment on function app_hidden.supersede_refund(app_public.refunds, bigint) is
  'Ends a refund whose place another has taken, and asks for what is still owed.';
--! EndIncluded checkout/internal/supersede_refund.sql
--! Included checkout/internal/take_in_refund.sql
/*
 * A refund that somebody made at Stripe, of a payment of ours. Where a refund of ours that Stripe
 * has not made yet no longer fits beside it, ours is superseded, and what of it is still owed is
 * asked for anew. The rest is a gift of the platform. The ledger says so before the money is
 * followed out: see apply_refund. The caller holds the locks on booking and payment.
 */
create or replace function app_hidden.take_in_refund(
  payment app_public.payments, stripe_refund_id text, amount bigint
) returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_ours app_public.refunds;
  v_too_much bigint := take_in_refund.amount - payment.captured_amount + (
    select coalesce(sum(r.amount), 0) from app_public.refunds r
    where r.payment_id = payment.id and r.status <> 'failed'
  );
  v_gift bigint := least(take_in_refund.amount, take_in_refund.amount - v_too_much);
begin
  insert into app_public.refunds (
    payment_id, currency, amount, origin, reason_code, reason, stripe_refund_id
  )
  values (
    payment.id, payment.currency, take_in_refund.amount, 'stripe', 'made_at_stripe',
    'The marketplace gave it back.', take_in_refund.stripe_refund_id
  )
  returning * into v_refund;
  for v_ours in
    select r.* from app_public.refunds r
    where r.payment_id = payment.id and r.status = 'requested' and r.origin = 'ours'
      and r.stripe_refund_id is null
    order by r.id desc
  loop
    exit when v_too_much <= 0;
    perform app_hidden.supersede_refund(v_ours, v_ours.amount - v_too_much);
    v_too_much := v_too_much - v_ours.amount;
  end loop;
  if v_gift > 0 then
    perform app_hidden.post_ledger(
      'foreign_refund:' || take_in_refund.stripe_refund_id, 'foreign_refund', payment.booking_id,
      array[
        row('platform_revenue', null, payment.currency, v_gift),
        row('guest_payable', null, payment.currency, -v_gift)
      ]::app_hidden.ledger_posting[],
      payment_id => payment.id, refund_id => v_refund.id
    );
  end if;
  return v_refund;
end
$$;

comment on function app_hidden.take_in_refund(app_public.payments, text, bigint) is
  'Takes in a refund that somebody made at Stripe.';
--! EndIncluded checkout/internal/take_in_refund.sql
--! Included checkout/internal/undo_foreign_refund.sql
/*
 * A refund that somebody made at Stripe has failed: the platform's gift is taken back, and what the
 * guest is owed without a refund that would pay it is asked for anew. The caller holds the locks on
 * booking and payment.
 */
create or replace function app_hidden.undo_foreign_refund(
  refund app_public.refunds, booking_id uuid
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_taken_in record;
  v_owed bigint;
begin
  select t.id, e.amount into v_taken_in
  from app_public.ledger_transactions t
  join app_public.ledger_entries e on e.transaction_id = t.id
  where t.external_fact = 'foreign_refund:' || refund.stripe_refund_id and e.amount > 0;
  if v_taken_in.id is not null then
    perform app_hidden.post_ledger(
      'foreign_refund_failure:' || refund.stripe_refund_id, 'foreign_refund_failure',
      undo_foreign_refund.booking_id,
      array[
        row('guest_payable', null, refund.currency, v_taken_in.amount),
        row('platform_revenue', null, refund.currency, -v_taken_in.amount)
      ]::app_hidden.ledger_posting[],
      payment_id => refund.payment_id, refund_id => refund.id, reverses_id => v_taken_in.id
    );
  end if;
  v_owed := app_hidden.booking_balance(undo_foreign_refund.booking_id, 'guest_payable') - (
    select coalesce(sum(r.amount), 0)
    from app_public.refunds r
    join app_public.payments p on p.id = r.payment_id
    where p.booking_id = undo_foreign_refund.booking_id
      and (r.status in ('requested', 'pending') or r.needs_attention)
  );
  if v_owed > 0 then
    perform app_hidden.replace_refund(refund, v_owed);
  end if;
end
$$;

comment on function app_hidden.undo_foreign_refund(app_public.refunds, uuid) is
  'Takes back what a failed refund of others was, and asks for what is still owed.';
--! EndIncluded checkout/internal/undo_foreign_refund.sql
--! Included checkout/internal/move_refund.sql
/*
 * A refund has come further, or has failed: its row, the payment and the ledger follow. The caller
 * holds the locks on booking, payment and refund.
 */
create or replace function app_hidden.move_refund(
  refund app_public.refunds,
  payment app_public.payments,
  new_status app_public.refund_status,
  stripe_refund_id text,
  failure_code text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_amount bigint := case
    when move_refund.new_status = 'succeeded' then refund.amount
    when move_refund.new_status = 'failed' and refund.status = 'succeeded' then -refund.amount
    else 0
  end;
begin
  update app_public.refunds r
  set status = move_refund.new_status, stripe_refund_id = move_refund.stripe_refund_id,
      failure_code = move_refund.failure_code
  where r.id = refund.id;
  if v_amount <> 0 then
    update app_public.payments p
    set refunded_amount = p.refunded_amount + v_amount,
        status = case p.refunded_amount + v_amount
          when 0 then 'captured'
          when p.captured_amount then 'refunded'
          else 'partially_refunded'
        end::app_public.payment_status
    where p.id = payment.id;
    perform app_hidden.post_ledger(
      case when v_amount > 0 then 'refund:' else 'refund_failure:' end
        || move_refund.stripe_refund_id,
      case when v_amount > 0 then 'refund' else 'refund_failure' end,
      payment.booking_id,
      array[
        row('guest_payable', null, refund.currency, v_amount),
        row('stripe_balance', null, refund.currency, -v_amount)
      ]::app_hidden.ledger_posting[],
      payment_id => payment.id, refund_id => refund.id,
      reverses_id => case when v_amount < 0 then (
        select t.id from app_public.ledger_transactions t
        where t.external_fact = 'refund:' || move_refund.stripe_refund_id
      ) end
    );
  end if;
  if move_refund.new_status = 'failed' and refund.origin = 'stripe' then
    perform app_hidden.undo_foreign_refund(refund, payment.booking_id);
  end if;
  return case move_refund.new_status when 'pending' then 'noted' else move_refund.new_status::text
  end;
end
$$;

comment on function app_hidden.move_refund(
  app_public.refunds, app_public.payments, app_public.refund_status, text, text
) is 'Brings a refund, its payment and the ledger forward.';
--! EndIncluded checkout/internal/move_refund.sql
drop function if exists app_private.apply_refund(uuid, text, text);
--! Included checkout/server/apply_refund.sql
/*
 * Brings a refund to where Stripe's is, as re-fetched. Ours is known by Stripe's id; before that is
 * noted, by our id in the metadata where payment, amount and currency fit, too. What is left was
 * made by others at Stripe, and is taken in. A refund can fail after it had succeeded: then the
 * money is with us again and the ledger takes the entry back. Locks: booking, then payment, then
 * refund, then ledger accounts.
 *
 * Returns what was done: unknown, unchanged, not_captured (the payment has to be followed first),
 * noted, succeeded, failed.
 */
create or replace function app_private.apply_refund(
  refund_id uuid,
  stripe_refund_id text,
  stripe_status text,
  intent_id text,
  amount bigint,
  currency text,
  failure_code text default null
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_payment app_public.payments;
  v_new_status app_public.refund_status := case apply_refund.stripe_status
    when 'succeeded' then 'succeeded'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
    else 'pending'
  end;
begin
  select p.* into v_payment from app_public.payments p
  where p.stripe_payment_intent_id = apply_refund.intent_id;
  if v_payment.id is null then
    return app_hidden.apply_unknown_refund(
      apply_refund.intent_id, apply_refund.stripe_refund_id, v_new_status,
      apply_refund.failure_code
    );
  end if;
  perform app_hidden.lock_booking(v_payment.booking_id);
  v_payment := app_hidden.lock_payment(v_payment.id);
  select r.* into v_refund from app_public.refunds r
  where r.payment_id = v_payment.id and (
    r.stripe_refund_id = apply_refund.stripe_refund_id
    or (r.id = apply_refund.refund_id and r.stripe_refund_id is null and r.resolved_at is null
      and r.amount = apply_refund.amount and r.currency = apply_refund.currency)
  );
  if v_refund.id is null then
    if v_payment.captured_amount = 0 then
      return 'not_captured';
    elsif v_new_status = 'failed' then
      return 'unchanged';
    end if;
    v_refund := app_hidden.take_in_refund(
      v_payment, apply_refund.stripe_refund_id, apply_refund.amount
    );
  end if;
  v_refund := app_hidden.lock_refund(v_refund.id);
  -- Only forward: requested, pending, succeeded, failed.
  if v_new_status <= v_refund.status then
    return 'unchanged';
  end if;
  return app_hidden.move_refund(
    v_refund, v_payment, v_new_status, apply_refund.stripe_refund_id, apply_refund.failure_code
  );
end
$$;

grant execute on function app_private.apply_refund(uuid, text, text, text, bigint, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_refund(uuid, text, text, text, bigint, text, text) is
  'Brings a refund to where Stripe''s is; repeatable, in any order.';
--! EndIncluded checkout/server/apply_refund.sql
--! Included checkout/server/refuse_refund.sql
/*
 * Stripe has refused to make a refund of ours, for good. The guest is owed the money still: the
 * refund stays open, and is shown.
 */
create or replace function app_private.refuse_refund(refund_id uuid, failure_code text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.refunds r
  set status = 'failed', failure_code = refuse_refund.failure_code
  where r.id = refuse_refund.refund_id and r.status = 'requested';
end
$$;

grant execute on function app_private.refuse_refund(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.refuse_refund(uuid, text) is
  'Notes that Stripe has refused a refund for good.';
--! EndIncluded checkout/server/refuse_refund.sql
--! Included checkout/internal/require_reason.sql
/*
 * What an operator does about money has a reason, which people read.
 */
create or replace function app_hidden.require_reason(reason text) returns app_public.prose
language plpgsql immutable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.prose := btrim(coalesce(require_reason.reason, ''));
begin
  if length(v_reason) not between 1 and 1000 then
    raise exception 'Say why, in 1 to 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  return v_reason;
end
$$;

comment on function app_hidden.require_reason(text) is
  'The reason without blanks around it; INVALID_INPUT where it is missing or too long.';
--! EndIncluded checkout/internal/require_reason.sql
--! Included checkout/mutations/cancel_booking_as_operator.sql
/*
 * The operator ends a booking. Without a percent the policy decides as if the guest had cancelled;
 * with one, so much of every line goes back. Locks: the key, the units, then the booking.
 */
create or replace function app_public.cancel_booking_as_operator(
  booking_id uuid, idempotency_key text, reason text, refund_percent integer default null
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_reason app_public.prose := app_hidden.require_reason(cancel_booking_as_operator.reason);
  v_once record;
begin
  if refund_percent not between 0 and 100 then
    raise exception 'Between 0 and 100 percent are given back.'
      using errcode = 'SBG04', column = 'refund_percent';
  end if;
  v_once := app_hidden.begin_once(
    cancel_booking_as_operator.idempotency_key, 'cancel_booking_as_operator',
    jsonb_build_object(
      'id', cancel_booking_as_operator.booking_id, 'reason', v_reason, 'percent', refund_percent
    )
  );
  select b.* into v_booking from app_public.bookings b
  where b.id = coalesce(v_once.result_id, cancel_booking_as_operator.booking_id);
  if v_once.ran_before then
    return v_booking;
  end if;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_booking := app_hidden.settle_cancellation(v_booking, 'operator', v_reason, refund_percent);
  perform app_hidden.end_once(cancel_booking_as_operator.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.cancel_booking_as_operator(uuid, text, text, integer)
  to :DATABASE_OPERATOR;

comment on function app_public.cancel_booking_as_operator(uuid, text, text, integer) is
  'For the operator: ends a booking with a reason, and gives back so many percent of every line, '
  'or without a percent what the policy says. A repeated call with the same key returns the same '
  'booking.';
--! EndIncluded checkout/mutations/cancel_booking_as_operator.sql
--! Included checkout/types/cost_bearer.sql
do $$
begin
  create type app_public.cost_bearer as enum ('platform', 'host');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cost_bearer is 'Who pays for what a guest is given.';
--! EndIncluded checkout/types/cost_bearer.sql
--! Included checkout/internal/require_refundable.sql
/*
 * Raises where so much of a booking cannot be given back. What the payments hold is looked at by
 * queue_refund.
 */
create or replace function app_hidden.require_refundable(
  booking app_public.bookings, amount bigint, currency text, borne_by app_public.cost_bearer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step integer := (
    select c.charge_step from app_public.currencies c where c.code = booking.currency
  );
  v_host_holds bigint := app_hidden.booking_balance(booking.id, 'host_payable');
begin
  if require_refundable.currency is distinct from booking.currency then
    raise exception 'This booking was paid in %.', booking.currency
      using errcode = 'SBG04', column = 'currency';
  end if;
  if coalesce(require_refundable.amount, 0) <= 0 or require_refundable.amount % v_step <> 0 then
    raise exception 'Give back more than zero, in steps of % minor units.', v_step
      using errcode = 'SBG04', column = 'amount';
  end if;
  if borne_by = 'host' and require_refundable.amount > v_host_holds then
    raise exception 'The host has % % of this booking, and cannot bear more.',
      v_host_holds, booking.currency
      using errcode = 'SBM04', column = 'amount';
  end if;
end
$$;

comment on function app_hidden.require_refundable(
  app_public.bookings, bigint, text, app_public.cost_bearer
) is 'Raises where so much of a booking cannot be given back.';
--! EndIncluded checkout/internal/require_refundable.sql
--! Included checkout/internal/require_failed_refund.sql
/*
 * A refund that has failed and whose money the guest is still owed, locked with its booking and
 * payment.
 */
create or replace function app_hidden.require_failed_refund(refund_id uuid)
returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payment app_public.payments;
  v_refund app_public.refunds;
begin
  select p.* into v_payment
  from app_public.refunds r join app_public.payments p on p.id = r.payment_id
  where r.id = require_failed_refund.refund_id;
  if v_payment.id is null then
    raise exception 'There is no such refund.' using errcode = 'SBM06', column = 'refund_id';
  end if;
  perform app_hidden.lock_booking(v_payment.booking_id);
  perform app_hidden.lock_payment(v_payment.id);
  v_refund := app_hidden.lock_refund(require_failed_refund.refund_id);
  if not v_refund.needs_attention then
    raise exception 'Only a refund that has failed, and is open, is repeated or settled.'
      using errcode = 'SBM05', column = 'refund_id';
  end if;
  return v_refund;
end
$$;

comment on function app_hidden.require_failed_refund(uuid) is
  'A refund that has failed and is still owed, locked; REFUND_SETTLED otherwise.';
--! EndIncluded checkout/internal/require_failed_refund.sql
--! Included checkout/mutations/refund_booking.sql
/*
 * The operator gives a guest some of a paid booking back, whatever the policy says. The platform
 * bears it, or the host from what the booking has earned them. Locks: the key, then the booking.
 */
create or replace function app_public.refund_booking(
  booking_id uuid,
  idempotency_key text,
  amount bigint,
  currency text,
  reason text,
  borne_by app_public.cost_bearer default 'platform'
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_reason app_public.prose := app_hidden.require_reason(refund_booking.reason);
  v_borne_by app_public.cost_bearer := coalesce(refund_booking.borne_by, 'platform');
  v_once record;
  v_refund_ids uuid[];
begin
  v_once := app_hidden.begin_once(
    refund_booking.idempotency_key, 'refund_booking',
    jsonb_build_object(
      'id', refund_booking.booking_id, 'amount', refund_booking.amount,
      'currency', refund_booking.currency, 'reason', v_reason, 'borneBy', v_borne_by
    )
  );
  v_booking := app_hidden.lock_booking(coalesce(v_once.result_id, refund_booking.booking_id));
  if v_once.ran_before then
    return v_booking;
  end if;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  perform app_hidden.require_refundable(
    v_booking, refund_booking.amount, refund_booking.currency, v_borne_by
  );

  v_refund_ids := app_hidden.queue_refund(
    v_booking.id, refund_booking.amount, 'goodwill', v_reason, 'operator',
    app_hidden.require_user_id()
  );
  perform app_hidden.post_ledger(
    'goodwill:' || v_refund_ids[1], 'goodwill', v_booking.id,
    array[
      row(
        case v_borne_by when 'host' then 'host_payable' else 'platform_revenue' end,
        case v_borne_by when 'host' then v_booking.host_id end,
        v_booking.currency, refund_booking.amount
      ),
      row('guest_payable', null, v_booking.currency, -refund_booking.amount)
    ]::app_hidden.ledger_posting[],
    refund_id => v_refund_ids[1]
  );
  perform app_hidden.end_once(refund_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.refund_booking(
  uuid, text, bigint, text, text, app_public.cost_bearer
) to :DATABASE_OPERATOR;

comment on function app_public.refund_booking(
  uuid, text, bigint, text, text, app_public.cost_bearer
) is
  'For the operator: gives a guest some of a paid booking back, with a reason that the guest '
  'reads. The platform bears it, or the host from what the booking has earned. Stripe is asked by '
  'a job; the refund says how far it is. A repeated call with the same key does nothing more.';
--! EndIncluded checkout/mutations/refund_booking.sql
--! Included checkout/mutations/retry_refund.sql
/*
 * The operator asks Stripe once more for a refund that has failed. The debt stands in guest_payable
 * already. Locks: the key, booking, payment, refund.
 */
create or replace function app_public.retry_refund(refund_id uuid, idempotency_key text)
returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_once record;
begin
  v_once := app_hidden.begin_once(
    retry_refund.idempotency_key, 'retry_refund',
    jsonb_build_object('id', retry_refund.refund_id)
  );
  if v_once.ran_before then
    select r.* into v_refund from app_public.refunds r where r.id = v_once.result_id;
    return v_refund;
  end if;
  v_refund := app_hidden.require_failed_refund(retry_refund.refund_id);
  update app_public.refunds r
  set resolved_at = app_hidden.clock(), resolver_id = app_hidden.require_user_id()
  where r.id = v_refund.id;
  v_refund := app_hidden.replace_refund(v_refund, v_refund.amount);
  perform app_hidden.end_once(retry_refund.idempotency_key, v_refund.id);
  return v_refund;
end
$$;

grant execute on function app_public.retry_refund(uuid, text) to :DATABASE_OPERATOR;

comment on function app_public.retry_refund(uuid, text) is
  'For the operator: asks Stripe once more for a refund that has failed; returns the new refund. A '
  'repeated call with the same key returns the same.';
--! EndIncluded checkout/mutations/retry_refund.sql
--! Included checkout/mutations/settle_refund.sql
/*
 * The operator has paid a guest otherwise what a failed refund did not: from the bank account of
 * the marketplace, which the ledger is told. Locks: the key, booking, payment, refund, then the
 * ledger's accounts.
 */
create or replace function app_public.settle_refund(
  refund_id uuid, idempotency_key text, reason text
) returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_reason app_public.prose := app_hidden.require_reason(settle_refund.reason);
  v_once record;
begin
  v_once := app_hidden.begin_once(
    settle_refund.idempotency_key, 'settle_refund',
    jsonb_build_object('id', settle_refund.refund_id, 'reason', v_reason)
  );
  if v_once.ran_before then
    select r.* into v_refund from app_public.refunds r where r.id = v_once.result_id;
    return v_refund;
  end if;
  v_refund := app_hidden.require_failed_refund(settle_refund.refund_id);
  update app_public.refunds r
  set resolved_at = app_hidden.clock(), resolution = v_reason,
      resolver_id = app_hidden.require_user_id()
  where r.id = v_refund.id
  returning * into v_refund;
  perform app_hidden.post_ledger(
    'settlement:' || v_refund.id, 'settlement',
    (select p.booking_id from app_public.payments p where p.id = v_refund.payment_id),
    array[
      row('guest_payable', null, v_refund.currency, v_refund.amount),
      row('bank', null, v_refund.currency, -v_refund.amount)
    ]::app_hidden.ledger_posting[],
    payment_id => v_refund.payment_id, refund_id => v_refund.id
  );
  perform app_hidden.end_once(settle_refund.idempotency_key, v_refund.id);
  return v_refund;
end
$$;

grant execute on function app_public.settle_refund(uuid, text, text) to :DATABASE_OPERATOR;

comment on function app_public.settle_refund(uuid, text, text) is
  'For the operator: notes that the guest was paid otherwise what a failed refund did not, such as '
  'by a bank transfer, and how. A repeated call with the same key returns the same refund.';
--! EndIncluded checkout/mutations/settle_refund.sql
--! Included checkout/internal/ledger_transaction_faults.sql
/*
 * What is wrong with single transactions of the ledger: they do not sum to zero (M1), belong to no
 * booking, are of a charge or a refund that our rows do not know, or split a charge unlike its
 * booking.
 */
create or replace function app_hidden.ledger_transaction_faults()
returns table (finding text, booking_id uuid, id uuid, currency text, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with entries as (
    select t.id, t.kind, t.external_fact, t.booking_id, t.payment_id, t.refund_id, e.currency,
      sum(e.amount) as amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'host_payable'), 0) as host_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'platform_revenue'), 0) as platform_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'guest_payable'), 0) as guest_amount,
      coalesce(sum(e.amount) filter (where a.kind = 'stripe_balance'), 0) as stripe_amount,
      count(*) filter (where a.kind = 'host_payable' and a.user_id <> b.host_id) as others
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    left join app_public.bookings b on b.id = t.booking_id
    group by t.id, e.currency
  )
  select f.finding, e.booking_id, e.id, e.currency, f.off_by::bigint
  from entries e
  left join app_public.bookings b on b.id = e.booking_id
  left join app_public.payments p on p.id = e.payment_id
  left join app_public.refunds r on r.id = e.refund_id
  left join app_public.payments rp on rp.id = r.payment_id
  cross join lateral (values
    ('unbalanced transaction', e.amount <> 0, e.amount),
    ('transaction without a booking',
      e.booking_id is null and e.kind <> 'unknown_charge' and not exists (
        select from app_public.unknown_charges c
        where e.external_fact like 'refund%:' || c.stripe_refund_id
      ),
      e.stripe_amount),
    ('charge without a payment',
      e.kind in ('charge', 'late_charge') and (
        'charge:' || p.stripe_charge_id is distinct from e.external_fact
        or p.booking_id is distinct from e.booking_id
        or p.captured_amount <> e.stripe_amount
      ),
      e.stripe_amount - coalesce(p.captured_amount, 0)),
    ('refund of another charge',
      e.kind in ('refund', 'refund_failure') and e.booking_id is not null and (
        r.id is null or e.external_fact not like '%:' || r.stripe_refund_id
        or rp.booking_id is distinct from e.booking_id or r.amount <> abs(e.guest_amount)
      ),
      abs(e.guest_amount)),
    ('the host''s share is not the booking''s',
      e.kind = 'charge' and e.host_amount <> b.host_amount, e.host_amount - b.host_amount),
    ('the platform''s fee is not the booking''s',
      e.kind = 'charge' and e.platform_amount <> b.platform_amount,
      e.platform_amount - b.platform_amount),
    ('earnings of another host', e.others > 0, e.host_amount)
  ) f (finding, applies, off_by)
  where f.applies
$$;

comment on function app_hidden.ledger_transaction_faults() is
  'What is wrong with single transactions of the ledger.';
--! EndIncluded checkout/internal/ledger_transaction_faults.sql
--! Included checkout/internal/ledger_booking_faults.sql
/*
 * What is wrong with the ledger of whole bookings: it differs from their payments (M4), a guest has
 * got more than they were owed, is owed what no refund will pay, or has paid for what was not sold.
 */
create or replace function app_hidden.ledger_booking_faults()
returns table (finding text, booking_id uuid, id uuid, currency text, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with paid as (
    select p.booking_id, min(p.currency) as currency,
      sum(p.captured_amount - p.refunded_amount) as amount,
      coalesce(sum((
        select sum(r.amount) from app_public.refunds r
        where r.payment_id = p.id and (r.status in ('requested', 'pending') or r.needs_attention)
      )), 0) as open_amount
    from app_public.payments p
    group by p.booking_id
  ),
  held as (
    select t.booking_id,
      coalesce(-sum(e.amount) filter (where a.kind in (
        'host_payable', 'platform_revenue', 'tax_payable', 'guest_payable', 'bank'
      )), 0) as amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'host_payable'), 0) as host_amount,
      coalesce(-sum(e.amount) filter (where a.kind = 'guest_payable'), 0) as guest_amount
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    where t.booking_id is not null
    group by t.booking_id
  )
  select f.finding, b.id, b.id, b.currency, f.off_by::bigint
  from paid p
  full join held h on h.booking_id = p.booking_id
  join app_public.bookings b on b.id = coalesce(p.booking_id, h.booking_id)
  cross join lateral (
    select coalesce(p.amount, 0) as paid, coalesce(p.open_amount, 0) as open,
      coalesce(h.amount, 0) as held, coalesce(h.guest_amount, 0) as owed,
      coalesce(h.host_amount, 0) as host
  ) s
  cross join lateral (values
    ('booking differs from its payments', s.paid <> s.held, s.paid - s.held),
    ('guest got more than was owed', s.owed < 0, s.owed),
    ('owed to the guest without a refund', s.owed > s.open, s.owed - s.open),
    ('refund without a debt', s.owed >= 0 and s.open > s.owed, s.open - s.owed),
    ('paid but not confirmed',
      b.status not in ('confirmed', 'completed', 'cancelled') and (
        s.host <> 0 or s.paid > s.owed
      ),
      s.paid - s.owed)
  ) f (finding, applies, off_by)
  where f.applies
$$;

comment on function app_hidden.ledger_booking_faults() is
  'What is wrong with the ledger of whole bookings.';
--! EndIncluded checkout/internal/ledger_booking_faults.sql
drop function if exists app_private.ledger_drift();
--! Included checkout/server/ledger_drift.sql
/*
 * The checks that must find nothing, for the operator and the tests: what is wrong with the ledger,
 * by name, booking and amount.
 */
create or replace function app_private.ledger_drift()
returns table (finding text, booking_id uuid, id uuid, currency text, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from app_hidden.ledger_transaction_faults()
  union all
  select * from app_hidden.ledger_booking_faults()
$$;

grant execute on function app_private.ledger_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.ledger_drift() is
  'What is wrong with the ledger; nothing, or something is broken.';
--! EndIncluded checkout/server/ledger_drift.sql
--! Included checkout/server/guests_owed.sql
/*
 * What guests are owed at this moment: refunds that have not arrived, and unknown charges that have
 * not gone back. One that is on its way is no fault; one that has failed, or takes for more than a
 * day, is.
 */
create or replace function app_private.guests_owed()
returns table (
  booking_id uuid, refund_id uuid, unknown_charge_id uuid, currency text, amount bigint,
  since timestamptz, needs_attention boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.booking_id, r.id, null::uuid, r.currency, r.amount, r.created_at,
    r.needs_attention or r.created_at < app_hidden.clock() - interval '1 day'
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  where r.needs_attention or r.status in ('requested', 'pending')
  union all
  select c.booking_id, null, c.id, c.currency, c.amount, c.created_at,
    c.status = 'failed' or c.created_at < app_hidden.clock() - interval '1 day'
  from app_public.unknown_charges c
  where c.status <> 'succeeded'
$$;

grant execute on function app_private.guests_owed() to :DATABASE_AUTHENTICATOR;

comment on function app_private.guests_owed() is
  'What guests are owed, and whether somebody has to look at it.';
--! EndIncluded checkout/server/guests_owed.sql
--! Included notifications/internal/mails_of_event.sql
/*
 * Who is told of an event by mail, and with which mail: the whole list.
 */
create or replace function app_hidden.mails_of_event(type text, subject uuid)
returns table (kind text, user_id uuid, booking_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_confirmed_guest', b.guest_id),
    ('booking_confirmed_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.confirmed' and b.id = mails_of_event.subject
  union all
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_cancelled_guest', b.guest_id),
    ('booking_cancelled_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.cancelled' and b.id = mails_of_event.subject
    and b.confirmed_at is not null
  union all
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_requested_guest', b.guest_id),
    ('booking_requested_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.requested' and b.id = mails_of_event.subject
  union all
  -- A request that came to nothing. Who ended it knows; the host hears of no request that was none.
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('request_ended_guest', b.guest_id, b.status_actor <> 'guest'),
    ('request_ended_host', b.host_id, b.status_actor <> 'host' and exists (
      select from app_public.booking_events e
      where e.booking_id = b.id and e.to_status = 'requested'
    ))
  ) m (kind, user_id, is_news)
  where mails_of_event.type in ('booking.declined', 'booking.expired', 'booking.cancelled')
    and b.id = mails_of_event.subject and b.answer_due_at is not null and b.confirmed_at is null
    and m.is_news
  union all
  -- Each refund says for itself that it has arrived, or that it has not, and why it was made.
  select
    case
      when mails_of_event.type = 'refund.failed' then 'refund_failed'
      when r.reason_code = 'late_payment' then 'late_payment_refunded'
      else 'refund_sent'
    end,
    b.guest_id, b.id
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  join app_public.bookings b on b.id = p.booking_id
  where mails_of_event.type in ('refund.succeeded', 'refund.failed')
    and r.id = mails_of_event.subject
    -- Another refund has taken its place: the guest hears of that one.
    and (mails_of_event.type = 'refund.succeeded' or r.needs_attention)
$$;

comment on function app_hidden.mails_of_event(text, uuid) is 'The mails that an event asks for.';
--! EndIncluded notifications/internal/mails_of_event.sql
