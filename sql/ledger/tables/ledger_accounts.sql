/*
 * The accounts of the double-entry ledger. A debit is positive, a credit negative: what Stripe
 * holds for us is positive, what we owe a host is negative.
 */
create table if not exists app_public.ledger_accounts (
  id uuid not null default uuidv7() constraint ledger_accounts_pkey primary key,
  kind app_public.ledger_account_kind not null,
  user_id uuid constraint ledger_accounts_user_id_fkey
    references app_public.users on delete restrict,
  currency text not null
    constraint ledger_accounts_currency_fkey references app_public.currencies on delete restrict,

  constraint ledger_accounts_holder_key unique nulls not distinct (kind, user_id, currency),
  constraint ledger_accounts_currency_key unique (id, currency),
  constraint ledger_accounts_hosts_have_a_user
    check ((kind in ('host_payable', 'host_receivable')) = (user_id is not null))
);

alter table app_public.ledger_accounts enable row level security;
alter table app_public.ledger_accounts force row level security;

create index if not exists ledger_accounts_user_id_idx on app_public.ledger_accounts (user_id);
create index if not exists ledger_accounts_currency_idx on app_public.ledger_accounts (currency);

-- M2: entries would change their meaning with their account.
create or replace trigger _100_immutable
  before update on app_public.ledger_accounts
  for each row when (OLD is distinct from NEW)
  execute function app_hidden.tg__immutable();

comment on table app_public.ledger_accounts is 'An account of the ledger; hosts see their own.';
comment on column app_public.ledger_accounts.id is 'Public id of the account.';
comment on column app_public.ledger_accounts.kind is
  'What it counts: host payable is what the platform owes a host.';
comment on column app_public.ledger_accounts.user_id is 'The host, for accounts of a host.';
comment on column app_public.ledger_accounts.currency is 'ISO 4217 currency.';

-- What a client is told: the code, and the sentence.
comment on constraint ledger_accounts_holder_key on app_public.ledger_accounts is
  'INTERNAL: A holder has one account of a kind and currency.';
comment on constraint ledger_accounts_currency_key on app_public.ledger_accounts is
  'INTERNAL: An account has one currency.';
comment on constraint ledger_accounts_hosts_have_a_user on app_public.ledger_accounts is
  'INTERNAL: An account of a host has a host.';
