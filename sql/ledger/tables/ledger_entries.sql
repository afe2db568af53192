create table if not exists app_public.ledger_entries (
  id uuid not null default uuidv7() constraint ledger_entries_pkey primary key,
  transaction_id uuid not null
    constraint ledger_entries_transaction_id_fkey
    references app_public.ledger_transactions on delete restrict,
  account_id uuid not null,
  currency text not null,
  amount bigint not null,

  -- An entry is in the currency of its account.
  constraint ledger_entries_account_fkey foreign key (account_id, currency)
    references app_public.ledger_accounts (id, currency) on delete restrict,
  constraint ledger_entries_amount_is_not_zero check (amount <> 0)
);

alter table app_public.ledger_entries enable row level security;
alter table app_public.ledger_entries force row level security;

create index if not exists ledger_entries_transaction_id_idx
  on app_public.ledger_entries (transaction_id);
-- The statement of an account, newest first.
create index if not exists ledger_entries_account_idx
  on app_public.ledger_entries (account_id, currency, id);

create or replace trigger _100_immutable
  before update or delete on app_public.ledger_entries
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_entries
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.ledger_entries is 'One side of a ledger transaction.';
comment on column app_public.ledger_entries.id is 'Public id of the entry.';
comment on column app_public.ledger_entries.transaction_id is 'What happened.';
comment on column app_public.ledger_entries.account_id is 'Whose account.';
comment on column app_public.ledger_entries.currency is 'ISO 4217 currency.';
comment on column app_public.ledger_entries.amount is
  'In minor units; a debit is positive, a credit negative: what the platform owes a host is '
  'negative.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_entries_amount_is_not_zero on app_public.ledger_entries is
  'INTERNAL: An entry of the ledger is not zero.';
