/*
 * Links that are mailed, and work once, for an hour and for one purpose. A row is a wish; the mail
 * job draws the token, which is in the mail and nowhere else: here is its hash. A wish for a new
 * password knows the address that was typed, and not whether anybody has it, so that asking is the
 * same for a known and an unknown one.
 */
create table if not exists app_private.one_time_tokens (
  id uuid not null default uuidv7() constraint one_time_tokens_pkey primary key,
  purpose app_private.one_time_purpose not null,
  email app_public.line not null,
  user_id uuid
    constraint one_time_tokens_user_id_fkey references app_public.users on delete cascade,
  token_hash bytea,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '1 hour',

  constraint one_time_tokens_token_hash_key unique (token_hash),
  constraint one_time_tokens_hash_is_sha256 check (length(token_hash) = 32),
  constraint one_time_tokens_change_has_person
    check ((purpose = 'change_email') = (user_id is not null)),
  constraint one_time_tokens_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  constraint one_time_tokens_email_is_lower_case check (email = lower(email))
);

alter table app_private.one_time_tokens enable row level security;
alter table app_private.one_time_tokens force row level security;

-- A new link takes the place of older ones, and purge_expired_identity() walks what is past.
create index if not exists one_time_tokens_email_idx on app_private.one_time_tokens (email);
create index if not exists one_time_tokens_user_id_idx on app_private.one_time_tokens (user_id);
create index if not exists one_time_tokens_expires_at_idx
  on app_private.one_time_tokens (expires_at);

comment on table app_private.one_time_tokens is 'Mailed links that work once, as SHA-256.';
comment on column app_private.one_time_tokens.id is 'What the mail job is told.';
comment on column app_private.one_time_tokens.purpose is 'What the link is for, and nothing else.';
comment on column app_private.one_time_tokens.email is
  'Where the mail goes: of a change of address, the new one.';
comment on column app_private.one_time_tokens.user_id is 'Who changes their address.';
comment on column app_private.one_time_tokens.token_hash is 'Null until the mail is written.';
comment on column app_private.one_time_tokens.created_at is 'When it was asked for.';
comment on column app_private.one_time_tokens.expires_at is 'When it stops working.';

-- What a client is told: the code, and the sentence.
comment on constraint one_time_tokens_token_hash_key on app_private.one_time_tokens is
  'INTERNAL: A token is of one link.';
comment on constraint one_time_tokens_hash_is_sha256 on app_private.one_time_tokens is
  'INTERNAL: A token is hashed.';
comment on constraint one_time_tokens_change_has_person on app_private.one_time_tokens is
  'INTERNAL: A change of address is somebody''s, a forgotten password nobody''s yet.';
comment on constraint one_time_tokens_email_is_plausible on app_private.one_time_tokens is
  'INVALID_INPUT: An e-mail address looks like name@example.com.';
comment on constraint one_time_tokens_email_is_lower_case on app_private.one_time_tokens is
  'INTERNAL: An address is kept in lower case.';
