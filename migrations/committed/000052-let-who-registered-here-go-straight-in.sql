--! Previous: sha1:414b42f8e9c504343e634d9825cdb6a8834390f3
--! Hash: sha1:cbfee6280e84084447d91467ea27a4a0b594bb7c
--! Message: let who registered here go straight in

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +9 -3   identity/tables/registrations.sql
--   +8 -5   identity/server/register.sql
--   new     identity/server/find_registration_key.sql
-- (npm run db:commit wrote these lines.)

alter table app_private.registrations add column if not exists key_hash bytea;
alter table app_private.registrations drop constraint if exists registrations_key_is_sha256;
alter table app_private.registrations
  add constraint registrations_key_is_sha256 check (length(key_hash) = 32) not valid;
alter table app_private.registrations validate constraint registrations_key_is_sha256;
--! Included identity/tables/registrations.sql
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
--! EndIncluded identity/tables/registrations.sql
drop function if exists app_private.register(text, text, text);
--! Included identity/server/register.sql
/*
 * Notes the wish for an account and queues the mail that proves the address. It does the same
 * whether the address is known or not; the mail job finds out (set_registration_token) and writes
 * accordingly.
 */
create or replace function app_private.register(
  email text, display_name text, password_hash text, key_hash bytea default null
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registration_id uuid;
begin
  insert into app_private.registrations (email, display_name, password_hash, key_hash)
  values (
    lower(btrim(register.email)), btrim(register.display_name), register.password_hash,
    register.key_hash
  )
  returning id into v_registration_id;

  perform app_hidden.add_job(
    'mail__send_registration', jsonb_build_object('registrationId', v_registration_id)
  );
end
$$;

grant execute on function app_private.register(text, text, text, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.register(text, text, text, bytea) is
  'Starts a registration; the answer never tells whether the address has an account.';
--! EndIncluded identity/server/register.sql
--! Included identity/server/find_registration_key.sql
create or replace function app_private.find_registration_key(token_hash bytea) returns bytea
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.key_hash from app_private.registrations r
  where r.token_hash = find_registration_key.token_hash and r.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.find_registration_key(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_registration_key(bytea) is
  'The hash of what whoever registered was given; null where there is none, or the token is used '
  'or too old.';
--! EndIncluded identity/server/find_registration_key.sql
