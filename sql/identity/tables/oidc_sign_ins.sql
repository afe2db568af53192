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
