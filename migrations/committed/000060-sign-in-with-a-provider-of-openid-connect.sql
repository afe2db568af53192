--! Previous: sha1:08c2fb6b604040d98fe26f76f38a63343fd4d9f5
--! Hash: sha1:db36e31983458753d8d426f10ffb4f78e3bad603
--! Message: sign in with a provider of OpenID Connect

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +2 -0   identity/types/audit_action.sql
--   +2 -1   identity/tables/account_notices.sql
--   new     identity/tables/identities.sql
--   new     identity/tables/oidc_sign_ins.sql
--   new     identity/tables/oidc_proofs.sql
--   new     identity/policies/identities.sql
--   new     identity/policies/oidc_sign_ins.sql
--   new     identity/policies/oidc_proofs.sql
--   +8 -0   identity/triggers/tg_accounts__audit.sql
--   new     identity/internal/use_oidc_proof.sql
--   new     identity/internal/find_proven.sql
--   new     identity/server/begin_oidc_sign_in.sql
--   new     identity/server/end_oidc_sign_in.sql
--   new     identity/server/keep_oidc_proof.sql
--   new     identity/server/find_oidc_person.sql
--   new     identity/server/sign_in_with_oidc.sql
--   new     identity/server/link_identity.sql
--   new     identity/server/find_identities.sql
--   new     identity/server/remove_identity.sql
--   +2 -0   identity/server/purge_expired_identity.sql
-- (npm run db:commit wrote these lines.)

-- Signing in by a provider of OpenID Connect.
alter table app_private.account_notices drop constraint if exists account_notices_kind_is_known;
alter table app_private.account_notices
  add constraint account_notices_kind_is_known check (
    kind in (
      'password_changed', 'email_changed', 'factor_enabled', 'factor_disabled',
      'recovery_code_used', 'identity_linked', 'identity_removed'
    )
  ) not valid;
alter table app_private.account_notices validate constraint account_notices_kind_is_known;
--! Included identity/types/audit_action.sql
do $$
begin
  create type app_public.audit_action as enum (
    'signed_in', 'sign_in_failed', 'refresh_token_reused', 'password_changed', 'email_changed',
    'factor_enabled', 'factor_disabled', 'recovery_codes_created', 'recovery_code_used',
    'operator_granted', 'operator_revoked', 'operator_acted', 'impersonated', 'suspended',
    'reinstated', 'export_requested', 'account_closed'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.audit_action add value if not exists 'identity_linked';
alter type app_public.audit_action add value if not exists 'identity_removed';

comment on type app_public.audit_action is 'What somebody did with an account, or as an operator.';
--! EndIncluded identity/types/audit_action.sql
--! Included identity/tables/account_notices.sql
/*
 * What a person is told about their account after it has happened, at the address that it had
 * then: a thief who changes the address must not change who is told.
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
    'identity_linked', 'identity_removed'
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
--! EndIncluded identity/tables/account_notices.sql
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
--! Included identity/tables/oidc_sign_ins.sql
/*
 * Somebody has been sent to a provider and is awaited back: in the same browser, with the same
 * state, within ten minutes, once. All secrets of the way follow from the key in the browser's
 * cookie, so here are hashes alone.
 */
create table if not exists app_private.oidc_sign_ins (
  state_hash bytea not null constraint oidc_sign_ins_pkey primary key,
  browser_hash bytea not null,
  issuer text not null,
  code_challenge text not null,
  expires_at timestamptz not null default app_hidden.clock() + interval '10 minutes',

  constraint oidc_sign_ins_state_is_sha256 check (length(state_hash) = 32),
  constraint oidc_sign_ins_browser_is_sha256 check (length(browser_hash) = 32),
  constraint oidc_sign_ins_issuer_is_bounded check (length(issuer) between 1 and 500),
  constraint oidc_sign_ins_code_challenge_is_s256
    check (code_challenge ~ '^[A-Za-z0-9_-]{43}$')
);

alter table app_private.oidc_sign_ins enable row level security;
alter table app_private.oidc_sign_ins force row level security;

-- purge_expired_identity() walks what is past its time.
create index if not exists oidc_sign_ins_expires_at_idx on app_private.oidc_sign_ins (expires_at);

comment on table app_private.oidc_sign_ins is 'Who is on the way to a provider and back.';
comment on column app_private.oidc_sign_ins.state_hash is 'What the provider sends back.';
comment on column app_private.oidc_sign_ins.browser_hash is 'The key in the browser''s cookie.';
comment on column app_private.oidc_sign_ins.issuer is 'The provider, as it names itself.';
comment on column app_private.oidc_sign_ins.code_challenge is
  'The hash of what the app will show to get the session (RFC 7636).';
comment on column app_private.oidc_sign_ins.expires_at is 'Until when they are awaited.';

comment on constraint oidc_sign_ins_state_is_sha256 on app_private.oidc_sign_ins is
  'INTERNAL: A state is hashed.';
comment on constraint oidc_sign_ins_browser_is_sha256 on app_private.oidc_sign_ins is
  'INTERNAL: A key is hashed.';
comment on constraint oidc_sign_ins_issuer_is_bounded on app_private.oidc_sign_ins is
  'INTERNAL: The name of a provider has 1 to 500 characters.';
comment on constraint oidc_sign_ins_code_challenge_is_s256 on app_private.oidc_sign_ins is
  'INVALID_INPUT: A code challenge is a SHA-256 in base64url, 43 characters.';
--! EndIncluded identity/tables/oidc_sign_ins.sql
--! Included identity/tables/oidc_proofs.sql
/*
 * A provider has said who somebody is. For one minute the app may fetch what follows, once, with
 * the code that it was given in an address and the verifier that never was in one.
 */
create table if not exists app_private.oidc_proofs (
  code_hash bytea not null constraint oidc_proofs_pkey primary key,
  code_challenge text not null,
  issuer text not null,
  subject text not null,
  email app_public.line,
  email_verified boolean not null,
  display_name app_public.line not null,
  expires_at timestamptz not null default app_hidden.clock() + interval '1 minute',

  constraint oidc_proofs_code_is_sha256 check (length(code_hash) = 32),
  constraint oidc_proofs_code_challenge_is_s256 check (code_challenge ~ '^[A-Za-z0-9_-]{43}$'),
  constraint oidc_proofs_issuer_is_bounded check (length(issuer) between 1 and 500),
  constraint oidc_proofs_subject_is_bounded check (length(subject) between 1 and 255),
  constraint oidc_proofs_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  constraint oidc_proofs_email_is_lower_case check (email = lower(email)),
  constraint oidc_proofs_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> '')
);

alter table app_private.oidc_proofs enable row level security;
alter table app_private.oidc_proofs force row level security;

-- purge_expired_identity() walks what is past its time.
create index if not exists oidc_proofs_expires_at_idx on app_private.oidc_proofs (expires_at);

comment on table app_private.oidc_proofs is 'What providers have said, until it is fetched.';
comment on column app_private.oidc_proofs.code_hash is 'The code that the app was given.';
comment on column app_private.oidc_proofs.code_challenge is
  'The hash of the verifier that goes with the code (RFC 7636).';
comment on column app_private.oidc_proofs.issuer is 'The provider, as it names itself.';
comment on column app_private.oidc_proofs.subject is 'The person, as the provider names them.';
comment on column app_private.oidc_proofs.email is 'Their address, where the provider gives one.';
comment on column app_private.oidc_proofs.email_verified is
  'Whether the provider says that the address is theirs.';
comment on column app_private.oidc_proofs.display_name is 'What a new person is called.';
comment on column app_private.oidc_proofs.expires_at is 'When the code stops working.';

comment on constraint oidc_proofs_code_is_sha256 on app_private.oidc_proofs is
  'INTERNAL: A code is hashed.';
comment on constraint oidc_proofs_code_challenge_is_s256 on app_private.oidc_proofs is
  'INTERNAL: A code challenge is a SHA-256 in base64url.';
comment on constraint oidc_proofs_issuer_is_bounded on app_private.oidc_proofs is
  'INTERNAL: The name of a provider has 1 to 500 characters.';
comment on constraint oidc_proofs_subject_is_bounded on app_private.oidc_proofs is
  'INTERNAL: The name of a person at a provider has 1 to 255 characters.';
comment on constraint oidc_proofs_email_is_plausible on app_private.oidc_proofs is
  'INTERNAL: An e-mail address looks like name@example.com.';
comment on constraint oidc_proofs_email_is_lower_case on app_private.oidc_proofs is
  'INTERNAL: An address is kept in lower case.';
comment on constraint oidc_proofs_display_name_has_length on app_private.oidc_proofs is
  'INTERNAL: A name has 1 to 80 characters.';
--! EndIncluded identity/tables/oidc_proofs.sql
--! Included identity/policies/identities.sql
select app_hidden.drop_policies('app_private.identities');
-- Functions of app_private alone read and write it: no grant to anybody.
--! EndIncluded identity/policies/identities.sql
--! Included identity/policies/oidc_sign_ins.sql
select app_hidden.drop_policies('app_private.oidc_sign_ins');
-- Functions of app_private alone read and write it: no grant to anybody.
--! EndIncluded identity/policies/oidc_sign_ins.sql
--! Included identity/policies/oidc_proofs.sql
select app_hidden.drop_policies('app_private.oidc_proofs');
-- Functions of app_private alone read and write it: no grant to anybody.
--! EndIncluded identity/policies/oidc_proofs.sql
--! Included identity/triggers/tg_accounts__audit.sql
-- What proves who a person is, and what they may, changes with an entry in the audit log.
create or replace trigger _600_audit_password
  after update of password_hash on app_private.user_secrets
  for each row when (OLD.password_hash is distinct from NEW.password_hash)
  execute function app_hidden.tg__audit('password_changed', 'self');

create or replace trigger _600_audit_email
  after update of email on app_public.user_contacts
  for each row when (OLD.email is distinct from NEW.email)
  execute function app_hidden.tg__audit('email_changed', 'self');

create or replace trigger _600_audit_link
  after insert on app_private.identities
  for each row execute function app_hidden.tg__audit('identity_linked', 'self');

create or replace trigger _600_audit_unlink
  after delete on app_private.identities
  for each row execute function app_hidden.tg__audit('identity_removed');

create or replace trigger _600_audit_grant
  after insert on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_granted');

create or replace trigger _600_audit_revoke
  after delete on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_revoked');
--! EndIncluded identity/triggers/tg_accounts__audit.sql
--! Included identity/internal/use_oidc_proof.sql
/*
 * Before any other lock: nobody who holds another one waits for a proof. What is raised later takes
 * the use back, so that somebody who is told to sign in first can then show the same proof.
 */
create or replace function app_hidden.use_oidc_proof(
  code_hash bytea, code_challenge text
) returns app_private.oidc_proofs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_proof app_private.oidc_proofs;
begin
  delete from app_private.oidc_proofs p
  where p.code_hash = use_oidc_proof.code_hash
    and p.code_challenge = use_oidc_proof.code_challenge
    and p.expires_at > app_hidden.clock()
  returning * into v_proof;
  if v_proof.code_hash is null then
    raise exception 'This sign-in is used or too old, or was begun elsewhere. Begin again.'
      using errcode = 'SBI20';
  end if;
  return v_proof;
end
$$;

comment on function app_hidden.use_oidc_proof(bytea, text) is
  'Takes a proof of a provider out of use and says what it was; OIDC_CODE_INVALID otherwise.';
--! EndIncluded identity/internal/use_oidc_proof.sql
--! Included identity/internal/find_proven.sql
/*
 * Who has the identity of a proof; or who has its address, where provider and we both know that it
 * is theirs: they get the identity, and a word about it. Null where it is nobody yet. Whoever
 * changes how a person signs in holds their contacts, so two proofs of one person at once make one
 * identity.
 */
create or replace function app_hidden.find_proven(
  issuer text, subject text, email text, email_verified boolean
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_verified_at timestamptz;
  v_owner_id uuid;
begin
  select i.user_id into v_owner_id from app_private.identities i
  where i.issuer = find_proven.issuer and i.subject = find_proven.subject;
  if v_owner_id is not null then
    return v_owner_id;
  end if;
  if find_proven.email is null then
    raise exception 'The provider gave no e-mail address. Let it share yours, or register here.'
      using errcode = 'SBI21';
  end if;
  if not find_proven.email_verified then
    raise exception
      'The provider does not know whether the address is yours. Prove it there, or register here.'
      using errcode = 'SBI22';
  end if;

  select c.user_id, c.email_verified_at into v_user_id, v_verified_at
  from app_public.user_contacts c where c.email = find_proven.email for update;
  if v_user_id is null then
    return null;
  end if;
  -- Somebody else may have been faster while this waited.
  select i.user_id into v_owner_id from app_private.identities i
  where i.issuer = find_proven.issuer and i.subject = find_proven.subject;
  if v_owner_id is not null then
    return v_owner_id;
  end if;
  if v_verified_at is null or exists (
    select from app_private.identities i
    where i.user_id = v_user_id and i.issuer = find_proven.issuer
  ) then
    raise exception
      'There is an account with this address. Sign in as before, then add this way to sign in.'
      using errcode = 'SBI23';
  end if;
  insert into app_private.identities (issuer, subject, user_id)
  values (find_proven.issuer, find_proven.subject, v_user_id);
  perform app_hidden.tell_account(v_user_id, 'identity_linked', find_proven.email);
  return v_user_id;
end
$$;

comment on function app_hidden.find_proven(text, text, text, boolean) is
  'Whom a proof of a provider signs in; null where it is nobody yet.';
--! EndIncluded identity/internal/find_proven.sql
--! Included identity/server/begin_oidc_sign_in.sql
create or replace function app_private.begin_oidc_sign_in(
  state_hash bytea, browser_hash bytea, issuer text, code_challenge text
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.oidc_sign_ins (state_hash, browser_hash, issuer, code_challenge)
  values (
    begin_oidc_sign_in.state_hash, begin_oidc_sign_in.browser_hash, begin_oidc_sign_in.issuer,
    begin_oidc_sign_in.code_challenge
  )
$$;

grant execute on function app_private.begin_oidc_sign_in(bytea, bytea, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_oidc_sign_in(bytea, bytea, text, text) is
  'Notes that a browser is on its way to a provider.';
--! EndIncluded identity/server/begin_oidc_sign_in.sql
--! Included identity/server/end_oidc_sign_in.sql
/*
 * A browser is back from a provider, rightly or not: once, from the same provider, within the time.
 * A callback that somebody opens in another browser leaves the row to its owner.
 */
create or replace function app_private.end_oidc_sign_in(
  state_hash bytea, browser_hash bytea, issuer text
) returns text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.oidc_sign_ins s
  where s.state_hash = end_oidc_sign_in.state_hash
    and s.browser_hash = end_oidc_sign_in.browser_hash
    and s.issuer = end_oidc_sign_in.issuer
    and s.expires_at > app_hidden.clock()
  returning s.code_challenge
$$;

grant execute on function app_private.end_oidc_sign_in(bytea, bytea, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_oidc_sign_in(bytea, bytea, text) is
  'Takes a way to a provider out of use and gives its code challenge; null where there is none.';
--! EndIncluded identity/server/end_oidc_sign_in.sql
--! Included identity/server/keep_oidc_proof.sql
create or replace function app_private.keep_oidc_proof(
  code_hash bytea, code_challenge text, issuer text, subject text, email text,
  email_verified boolean, display_name text
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.oidc_proofs (
    code_hash, code_challenge, issuer, subject, email, email_verified, display_name
  )
  values (
    keep_oidc_proof.code_hash, keep_oidc_proof.code_challenge, keep_oidc_proof.issuer,
    keep_oidc_proof.subject, keep_oidc_proof.email, keep_oidc_proof.email_verified,
    keep_oidc_proof.display_name
  )
$$;

grant execute on function app_private.keep_oidc_proof(bytea, text, text, text, text, boolean, text)
  to :DATABASE_AUTHENTICATOR;

comment on function
  app_private.keep_oidc_proof(bytea, text, text, text, text, boolean, text) is
  'Keeps for a minute what a provider has said of a person.';
--! EndIncluded identity/server/keep_oidc_proof.sql
--! Included identity/server/find_oidc_person.sql
/*
 * Whom a proof would sign in, while it is still good: who has a second factor is asked for a code
 * before the proof is used. Null where it is nobody yet, or the proof is refused anyway.
 */
create or replace function app_private.find_oidc_person(code_hash bytea, code_challenge text)
returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(i.user_id, c.user_id)
  from app_private.oidc_proofs p
  left join app_private.identities i on i.issuer = p.issuer and i.subject = p.subject
  left join app_public.user_contacts c
    on c.email = p.email and p.email_verified and c.email_verified_at is not null
  where p.code_hash = find_oidc_person.code_hash
    and p.code_challenge = find_oidc_person.code_challenge
    and p.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.find_oidc_person(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_oidc_person(bytea, text) is
  'Whom a proof of a provider would sign in; null where it is nobody yet.';
--! EndIncluded identity/server/find_oidc_person.sql
--! Included identity/server/sign_in_with_oidc.sql
/*
 * Whom a proof signs in: who has the identity, who has the address, or somebody new, who has no
 * password until they choose one by a mailed link. Of two proofs at once, or a proof and a
 * registration that is confirmed, the constraints let one make the account; the other finds it.
 */
create or replace function app_private.sign_in_with_oidc(
  code_hash bytea, code_challenge text, out user_id uuid, out is_new boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_proof app_private.oidc_proofs :=
    app_hidden.use_oidc_proof(sign_in_with_oidc.code_hash, sign_in_with_oidc.code_challenge);
begin
  is_new := false;
  user_id := app_hidden.find_proven(
    v_proof.issuer, v_proof.subject, v_proof.email, v_proof.email_verified
  );
  if user_id is not null then
    return;
  end if;
  begin
    insert into app_public.users (display_name) values (v_proof.display_name)
    returning id into user_id;
    insert into app_public.user_contacts (user_id, email, email_verified_at)
    values (sign_in_with_oidc.user_id, v_proof.email, app_hidden.clock());
    insert into app_private.identities (issuer, subject, user_id)
    values (v_proof.issuer, v_proof.subject, sign_in_with_oidc.user_id);
    is_new := true;
  exception
    when unique_violation then
      user_id := app_hidden.find_proven(
        v_proof.issuer, v_proof.subject, v_proof.email, v_proof.email_verified
      );
  end;
  -- Who was faster has gone again.
  if user_id is null then
    raise exception 'This sign-in is used or too old, or was begun elsewhere. Begin again.'
      using errcode = 'SBI20';
  end if;
end
$$;

grant execute on function app_private.sign_in_with_oidc(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.sign_in_with_oidc(bytea, text) is
  'Finds, joins or makes the person of a proof; the OIDC_ codes otherwise.';
--! EndIncluded identity/server/sign_in_with_oidc.sql
--! Included identity/server/link_identity.sql
/*
 * Somebody who is signed in adds a way to sign in; the server has checked who asks. The addresses
 * need not be the same.
 */
create or replace function app_private.link_identity(
  user_id uuid, code_hash bytea, code_challenge text
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_proof app_private.oidc_proofs :=
    app_hidden.use_oidc_proof(link_identity.code_hash, link_identity.code_challenge);
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = link_identity.user_id for update;
  if exists (
    select from app_private.identities i
    where i.issuer = v_proof.issuer and i.subject = v_proof.subject
      and i.user_id = link_identity.user_id
  ) then
    return;
  end if;
  insert into app_private.identities (issuer, subject, user_id)
  values (v_proof.issuer, v_proof.subject, link_identity.user_id);
  perform app_hidden.tell_account(link_identity.user_id, 'identity_linked', v_email);
exception
  when unique_violation then
    raise exception
      'This sign-in is that of another account, or you have one of this provider already.'
      using errcode = 'SBI25';
end
$$;

grant execute on function app_private.link_identity(uuid, bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.link_identity(uuid, bytea, text) is
  'Gives a person the identity of a proof; IDENTITY_TAKEN where it is another''s.';
--! EndIncluded identity/server/link_identity.sql
--! Included identity/server/find_identities.sql
create or replace function app_private.find_identities(user_id uuid)
returns table (id uuid, issuer text, created_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select i.id, i.issuer, i.created_at from app_private.identities i
  where i.user_id = find_identities.user_id
  order by i.id
  limit 100
$$;

grant execute on function app_private.find_identities(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_identities(uuid) is
  'By which providers a person signs in, the oldest first.';
--! EndIncluded identity/server/find_identities.sql
--! Included identity/server/remove_identity.sql
/*
 * Who signs in by this alone first chooses a password. Two removals at once follow one another by
 * the lock of the contacts, so that one way is left.
 */
create or replace function app_private.remove_identity(user_id uuid, identity_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = remove_identity.user_id for update;
  delete from app_private.identities i
  where i.id = remove_identity.identity_id and i.user_id = remove_identity.user_id;
  if not found then
    return false;
  end if;
  if not exists (
    select from app_private.user_secrets s
    where s.user_id = remove_identity.user_id and s.password_hash is not null
  ) and not exists (
    select from app_private.identities i where i.user_id = remove_identity.user_id
  ) then
    raise exception 'This is your only way to sign in. Choose a password first.'
      using errcode = 'SBI24';
  end if;
  perform app_hidden.tell_account(remove_identity.user_id, 'identity_removed', v_email);
  return true;
end
$$;

grant execute on function app_private.remove_identity(uuid, uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.remove_identity(uuid, uuid) is
  'Takes a way to sign in from a person, and says whether there was one; LAST_SIGN_IN where it is '
  'the only one.';
--! EndIncluded identity/server/remove_identity.sql
--! Included identity/server/purge_expired_identity.sql
create or replace function app_private.purge_expired_identity() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_private.registrations where expires_at < app_hidden.clock();
  delete from app_private.one_time_tokens where expires_at < app_hidden.clock();
  delete from app_private.oidc_sign_ins where expires_at < app_hidden.clock();
  delete from app_private.oidc_proofs where expires_at < app_hidden.clock();
  -- Long after every try to mail them.
  delete from app_private.account_notices
  where created_at < app_hidden.clock() - interval '30 days';
  delete from app_public.audit_entries
  where created_at < app_hidden.clock() - interval '1 year'
    and action in ('signed_in', 'sign_in_failed', 'refresh_token_reused');
  -- A week longer than needed, so that a stolen token that comes back late is still recognised.
  delete from app_private.sessions where expires_at < app_hidden.clock() - interval '7 days';
end
$$;

grant execute on function app_private.purge_expired_identity() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_expired_identity() is
  'Removes registrations and sessions that are past their time.';
--! EndIncluded identity/server/purge_expired_identity.sql
