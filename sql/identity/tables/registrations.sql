/*
 * Somebody says that an address is theirs. A person comes to be when they open the link in the
 * mail and repeat the password, so that nobody squats on another's address or waits for its owner
 * to confirm an account that is not theirs, and so that registering and logging in answer the same
 * whether the address was known or not.
 */
create table if not exists app_private.registrations (
  id uuid not null default uuidv7() constraint registrations_pkey primary key,
  email app_public.line not null,
  display_name app_public.line not null,
  password_hash text not null,
  token_hash bytea,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '1 day',

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
