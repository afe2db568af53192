/*
 * Who did what with an account, when, and from where. The triggers of the tables that it is about
 * write here, so that no way around exists; a sign-in that fails changes no table, and the server
 * tells it. A person reads what is about them, the operator reads all.
 */
create table if not exists app_public.audit_entries (
  id uuid not null default uuidv7() constraint audit_entries_pkey primary key,
  created_at timestamptz not null default app_hidden.clock(),
  action app_public.audit_action not null,
  user_id uuid
    constraint audit_entries_user_id_fkey references app_public.users on delete cascade,
  actor_id uuid
    constraint audit_entries_actor_id_fkey references app_public.users on delete set null,
  network text not null default '',
  device text not null default '',
  operation text,
  subject_id uuid,
  reason app_public.prose not null default '',

  constraint audit_entries_network_is_bounded check (length(network) <= 50),
  constraint audit_entries_device_is_bounded check (length(device) <= 400),
  constraint audit_entries_operator_says_what
    check ((action = 'operator_acted') = (operation is not null))
);

alter table app_public.audit_entries enable row level security;
alter table app_public.audit_entries force row level security;

create index if not exists audit_entries_user_id_idx on app_public.audit_entries (user_id, id);
create index if not exists audit_entries_actor_id_idx on app_public.audit_entries (actor_id, id);
-- purge_expired_identity() walks what is past its time.
create index if not exists audit_entries_signing_in_idx on app_public.audit_entries (created_at)
  where action in ('signed_in', 'sign_in_failed', 'refresh_token_reused');

comment on table app_public.audit_entries is
  'What somebody did with an account, or as an operator: who, when, and from where. Each person '
  'sees what is about them. Sign-ins and failed ones are kept for a year.';
comment on column app_public.audit_entries.id is 'Public id of the entry.';
comment on column app_public.audit_entries.created_at is 'When.';
comment on column app_public.audit_entries.action is 'What was done.';
comment on column app_public.audit_entries.user_id is
  'Whose account it is about; null where it is about none, or about an address that nobody has.';
comment on column app_public.audit_entries.actor_id is
  'Who did it; null where nobody had shown who they are, and for the system.';
comment on column app_public.audit_entries.network is
  'From where: an IPv4 address, or the first half of an IPv6 one; empty for the system.';
comment on column app_public.audit_entries.device is
  'What the browser or app said of itself when somebody signed in; else empty.';
comment on column app_public.audit_entries.operation is
  'Which operation an operator called; null for all else.';
comment on column app_public.audit_entries.subject_id is
  'What it was done to, such as a booking or a session; null where the account says it all.';
comment on column app_public.audit_entries.reason is
  'Why an operator acted as somebody else; empty for all else.';

comment on constraint audit_entries_network_is_bounded on app_public.audit_entries is
  'INTERNAL: A network is an address, or half of one.';
comment on constraint audit_entries_device_is_bounded on app_public.audit_entries is
  'INTERNAL: What a device says of itself is cut.';
comment on constraint audit_entries_operator_says_what on app_public.audit_entries is
  'INTERNAL: What an operator did has a name, and nothing else has.';
