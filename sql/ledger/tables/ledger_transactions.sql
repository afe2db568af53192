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
      'foreign_refund', 'foreign_refund_failure', 'settlement', 'unknown_charge', 'alteration'
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
  'charge, late_charge, cancellation, alteration, goodwill, refund, refund_failure, '
  'foreign_refund, foreign_refund_failure, settlement or unknown_charge.';
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
