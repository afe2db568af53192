/*
 * Somebody says that an address is theirs. A person comes to be when they open the link in the
 * mail, and are who registered: by the key that their browser was given, or by the password. So
 * nobody squats on another's address or waits for its owner to confirm an account that is not
 * theirs, and registering and logging in answer the same whether the address was known or not.
 */
create table if not exists app_private.registrations (
  id uuid not null default uuidv7() constraint registrations_pkey primary key,
  email app_public.line not null,
  display_name app_public.line not null,
  password_hash text not null,
  token_hash bytea,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '1 day',
  key_hash bytea,

  constraint registrations_key_is_sha256 check (length(key_hash) = 32),
  constraint registrations_token_hash_key unique (token_hash),
  constraint registrations_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> ''),
  constraint registrations_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  constraint registrations_email_is_lower_case check (email = lower(email)),
  constraint registrations_password_is_hashed check (password_hash like '$argon2id$%')
);

alter table app_private.registrations enable row level security;
alter table app_private.registrations force row level security;

-- purge_expired_identity() walks what is past its time.
create index if not exists registrations_expires_at_idx on app_private.registrations (expires_at);

comment on table app_private.registrations is 'Accounts that wait for their address to be proven.';
comment on column app_private.registrations.key_hash is
  'SHA-256 of what whoever registered was given: it does as well as the password.';

-- What a client is told: the code, and the sentence.
comment on constraint registrations_token_hash_key on app_private.registrations is
  'INTERNAL: A token belongs to one registration.';
comment on constraint registrations_display_name_has_length on app_private.registrations is
  'INVALID_INPUT: A name has 1 to 80 characters.';
comment on constraint registrations_email_is_plausible on app_private.registrations is
  'INVALID_INPUT: An e-mail address looks like name@example.com.';
comment on constraint registrations_email_is_lower_case on app_private.registrations is
  'INTERNAL: An address is kept in lower case.';
comment on constraint registrations_password_is_hashed on app_private.registrations is
  'INTERNAL: A password is hashed.';
comment on constraint registrations_key_is_sha256 on app_private.registrations is
  'INTERNAL: A key is hashed.';
