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
