/*
 * What a person is told about their account after it has happened, at the address that it had
 * then: a thief who changes the address must not change who is told. A notice goes when it is sent.
 */
create table if not exists app_private.account_notices (
  id uuid not null default uuidv7() constraint account_notices_pkey primary key,
  user_id uuid not null
    constraint account_notices_user_id_fkey references app_public.users on delete cascade,
  kind text not null,
  email app_public.line not null,
  created_at timestamptz not null default app_hidden.clock(),

  constraint account_notices_kind_is_known check (kind in (
    'password_changed', 'email_changed', 'factor_enabled', 'factor_disabled', 'recovery_code_used',
    'identity_linked', 'identity_removed', 'suspended', 'reinstated', 'account_closed'
  ))
);

alter table app_private.account_notices enable row level security;
alter table app_private.account_notices force row level security;

create index if not exists account_notices_user_id_idx on app_private.account_notices (user_id);
-- purge_expired_identity() walks what is past its time.
create index if not exists account_notices_created_at_idx
  on app_private.account_notices (created_at);

comment on table app_private.account_notices is 'Mails about changes of an account.';
comment on column app_private.account_notices.id is 'What the mail job is told.';
comment on column app_private.account_notices.user_id is 'Whose account has changed.';
comment on column app_private.account_notices.kind is 'What has changed.';
comment on column app_private.account_notices.email is 'Where the mail goes.';
comment on column app_private.account_notices.created_at is 'When it changed.';

comment on constraint account_notices_kind_is_known on app_private.account_notices is
  'INTERNAL: A notice is of a known kind.';
