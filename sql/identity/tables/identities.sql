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
