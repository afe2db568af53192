--! Previous: sha1:16d12cec8f3ac29c5e448429b2e03f290467aec1
--! Hash: sha1:c41bd2673cf8e228a4a52019bda6818ae111322f
--! Message: keep the triggers of the audit log with their tables

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     identity/tables/user_secrets.sql
--   +5 -0   identity/tables/user_contacts.sql
--   new     identity/tables/operators.sql
--   +8 -0   identity/tables/identities.sql
-- (npm run db:commit wrote these lines.)

--! Included identity/tables/user_secrets.sql
create table if not exists app_private.user_secrets (
  user_id uuid not null
    constraint user_secrets_pkey primary key
    constraint user_secrets_user_id_fkey references app_public.users on delete cascade,
  password_hash text,
  updated_at timestamptz not null default app_hidden.clock(),

  -- A plain password must not get here, whatever the server does.
  constraint user_secrets_password_is_hashed check (password_hash like '$argon2id$%')
);

alter table app_private.user_secrets enable row level security;
alter table app_private.user_secrets force row level security;

create or replace trigger _100_touch
  before update on app_private.user_secrets
  for each row execute function app_hidden.tg__touch();

create or replace trigger _600_audit_password
  after update of password_hash on app_private.user_secrets
  for each row when (OLD.password_hash is distinct from NEW.password_hash)
  execute function app_hidden.tg__audit('password_changed', 'self');

comment on table app_private.user_secrets is
  'What proves that a person is who they say; no client role reads it.';
--! EndIncluded identity/tables/user_secrets.sql
--! Included identity/tables/user_contacts.sql
create table if not exists app_public.user_contacts (
  user_id uuid not null
    constraint user_contacts_pkey primary key
    constraint user_contacts_user_id_fkey references app_public.users on delete cascade,
  email app_public.line not null,
  email_verified_at timestamptz,
  phone text,

  -- One account an address. Its violation tells that an account exists, so only functions of
  -- app_private that keep quiet about it write here.
  constraint user_contacts_email_key unique (email),
  constraint user_contacts_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  -- People write addresses in any case; one spelling makes the unique constraint mean it.
  constraint user_contacts_email_is_lower_case check (email = lower(email)),
  constraint user_contacts_phone_is_e164 check (phone ~ '^\+[1-9][0-9]{6,14}$')
);

alter table app_public.user_contacts enable row level security;
alter table app_public.user_contacts force row level security;

create or replace trigger _600_audit_email
  after update of email on app_public.user_contacts
  for each row when (OLD.email is distinct from NEW.email)
  execute function app_hidden.tg__audit('email_changed', 'self');

comment on table app_public.user_contacts is 'How to reach a person; visible to that person only.';
comment on column app_public.user_contacts.user_id is 'Whose contacts these are.';
comment on column app_public.user_contacts.email is 'E-mail address, in lower case.';
comment on column app_public.user_contacts.email_verified_at is
  'When the person proved that the address is theirs.';
comment on column app_public.user_contacts.phone is 'Telephone number in E.164 form.';

-- What a client is told: the code, and the sentence.
comment on constraint user_contacts_email_key on app_public.user_contacts is
  'INTERNAL: An address belongs to one person.';
comment on constraint user_contacts_email_is_plausible on app_public.user_contacts is
  'INVALID_INPUT: An e-mail address looks like name@example.com.';
comment on constraint user_contacts_email_is_lower_case on app_public.user_contacts is
  'INTERNAL: An address is kept in lower case.';
comment on constraint user_contacts_phone_is_e164 on app_public.user_contacts is
  'INVALID_INPUT: A phone number is + and 7 to 15 digits, such as +351912345678.';
--! EndIncluded identity/tables/user_contacts.sql
--! Included identity/tables/operators.sql
/*
 * Marketplace staff. A row is inserted by whoever may connect as the owner, never through the API;
 * it counts from the person's next log-in or refresh on.
 */
create table if not exists app_private.operators (
  user_id uuid not null
    constraint operators_pkey primary key
    constraint operators_user_id_fkey references app_public.users on delete cascade,
  created_at timestamptz not null default app_hidden.clock()
);

alter table app_private.operators enable row level security;
alter table app_private.operators force row level security;

create or replace trigger _600_audit_grant
  after insert on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_granted');

create or replace trigger _600_audit_revoke
  after delete on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_revoked');

comment on table app_private.operators is 'People who act with the rights of the operator.';
--! EndIncluded identity/tables/operators.sql
--! Included identity/tables/identities.sql
/*
 * Who somebody is at a provider of OpenID Connect: what signs them in without a password. The
 * subject is what the provider will never give to anybody else; its mail address may move on to
 * another person, so nobody is found by it a second time.
 */
create table if not exists app_private.identities (
  id uuid not null default uuidv7() constraint identities_pkey primary key,
  issuer text not null,
  subject text not null,
  user_id uuid not null
    constraint identities_user_id_fkey references app_public.users on delete cascade,
  created_at timestamptz not null default app_hidden.clock(),

  constraint identities_issuer_subject_key unique (issuer, subject),
  -- Another account at the same provider with the same address may be another person.
  constraint identities_user_id_issuer_key unique (user_id, issuer),
  constraint identities_issuer_is_bounded check (length(issuer) between 1 and 500),
  constraint identities_subject_is_bounded check (length(subject) between 1 and 255)
);

alter table app_private.identities enable row level security;
alter table app_private.identities force row level security;

create or replace trigger _600_audit_link
  after insert on app_private.identities
  for each row execute function app_hidden.tg__audit('identity_linked', 'self');

create or replace trigger _600_audit_unlink
  after delete on app_private.identities
  for each row execute function app_hidden.tg__audit('identity_removed');

comment on table app_private.identities is 'Accounts at providers, by which people sign in.';
comment on column app_private.identities.id is 'By which its owner names it.';
comment on column app_private.identities.issuer is 'The provider, as it names itself.';
comment on column app_private.identities.subject is 'The person, as the provider names them.';
comment on column app_private.identities.user_id is 'The person here.';
comment on column app_private.identities.created_at is 'When they were joined.';

comment on constraint identities_issuer_subject_key on app_private.identities is
  'INTERNAL: An account at a provider signs in one person.';
comment on constraint identities_user_id_issuer_key on app_private.identities is
  'INTERNAL: A person has one account at each provider.';
comment on constraint identities_issuer_is_bounded on app_private.identities is
  'INTERNAL: The name of a provider has 1 to 500 characters.';
comment on constraint identities_subject_is_bounded on app_private.identities is
  'INTERNAL: The name of a person at a provider has 1 to 255 characters.';
--! EndIncluded identity/tables/identities.sql
