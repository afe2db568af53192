--! Previous: -
--! Hash: sha1:887240a6f6154d25e2d26236331cf0fef37a330a
--! Message: the first stay

--! split: 1-current.sql
--! Included all.sql
/*
 * The table of contents, in dependency order: the only ordering there is. This file alone builds
 * the schema; running it again changes nothing. A domain names only its own objects and those above
 * it.
 *
 * Where a policy needs a domain below (who has booked a listing may see it), its file stands there:
 * one file stays the whole answer to "who may do what with this table?".
 */

-- foundation
--! Included foundation/schemas.sql
/*
 * Three schemas, three audiences:
 *   app_public   what API clients see; guarded by row-level security and column grants
 *   app_hidden   helpers and read models with the same rights, not exposed by GraphQL
 *   app_private  secrets, and the functions that only the server and the worker call
 */
create schema if not exists app_public;
create schema if not exists app_hidden;
create schema if not exists app_private;

-- Lets one exclusion constraint compare ids by equality and nights by overlap.
create extension if not exists btree_gist with schema public;

-- PostgreSQL lets everybody execute a new function. We grant by name instead.
alter default privileges revoke execute on functions from public;

revoke all on schema app_public, app_hidden, app_private from public;
grant usage on schema app_public, app_hidden to :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR;
grant usage on schema app_private to :DATABASE_AUTHENTICATOR;

comment on schema app_public is 'The API of the marketplace.';
comment on schema app_hidden is 'Helpers and read models behind the API.';
comment on schema app_private is 'Secrets, and the functions that only the server calls.';
--! EndIncluded foundation/schemas.sql
--! Included foundation/drop_policies.sql
/*
 * A policies file is the whole answer to "who may do what with this table?": it drops what was
 * there, creates what shall be there, and so can be run again after each edit. It also takes back
 * every grant that clients had, column grants included, so that the grants below it are all there
 * are.
 */
create or replace function app_hidden.drop_policies(target regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy name;
begin
  for v_policy in select polname from pg_policy where polrelid = drop_policies.target loop
    execute format('drop policy %I on %s', v_policy, drop_policies.target);
  end loop;
  execute format(
    'revoke all on %s from public, :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR',
    drop_policies.target
  );
end
$$;

comment on function app_hidden.drop_policies(regclass) is
  'Removes all policies and client grants of a table; the first line of its policies file.';
--! EndIncluded foundation/drop_policies.sql
--! Included foundation/clock.sql
/*
 * Time that decides something is read here, never in Node: one clock for all servers. It is the
 * start of the transaction, so that all decisions of one transaction agree. Tests replace this
 * function in their own database to travel in time; production has no such door.
 */
create or replace function app_hidden.clock() returns timestamptz
language sql stable parallel safe
return now();

grant execute on function app_hidden.clock()
  to :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.clock() is 'The instant that decides: the start of the transaction.';
--! EndIncluded foundation/clock.sql
--! Included foundation/current_user_id.sql
/*
 * Who is asking. The server sets the claim for the length of one transaction; an absent claim reads
 * as '' after a reset, hence nullif. In a policy, wrap the call as (select
 * app_public.current_user_id()), so that it runs once a query and not once a row.
 */
create or replace function app_public.current_user_id() returns uuid
language sql stable parallel safe
return nullif(current_setting('staybase.user_id', true), '')::uuid;

grant execute on function app_public.current_user_id()
  to :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.current_user_id() is 'The id of who is signed in, or null.';
--! EndIncluded foundation/current_user_id.sql
--! Included foundation/require_user_id.sql
create or replace function app_hidden.require_user_id() returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_public.current_user_id();
begin
  if v_user_id is null then
    raise exception 'Sign in first.' using errcode = 'SBG01';
  end if;
  return v_user_id;
end
$$;

grant execute on function app_hidden.require_user_id() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.require_user_id() is 'The id of who is signed in; UNAUTHENTICATED where nobody is.';
--! EndIncluded foundation/require_user_id.sql
--! Included foundation/is_time_zone.sql
/*
 * PostgreSQL also accepts abbreviations and POSIX strings as zones; those do not know when summer
 * time begins, so only names of the IANA database (Area/City, or UTC) pass. A digit outside
 * Etc/GMT.. is no name but such a string (Made/Up+5 would be five hours behind UTC).
 */
create or replace function app_hidden.is_time_zone(name text) returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if is_time_zone.name <> 'UTC'
    and is_time_zone.name !~ '^[A-Z][A-Za-z_-]+(/[A-Za-z_-]+)+$'
    and is_time_zone.name !~ '^Etc/GMT(0|[+](\d|1[0-2])|-(\d|1[0-4]))$'
  then
    return false;
  end if;
  perform timestamptz '2000-01-01 00:00:00Z' at time zone is_time_zone.name;
  return true;
exception
  when invalid_parameter_value then return false;
end
$$;

grant execute on function app_hidden.is_time_zone(text) to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.is_time_zone(text) is 'Whether a name is a time zone of the IANA database.';
--! EndIncluded foundation/is_time_zone.sql
--! Included foundation/web_url.sql
-- A link that a client will load: https, no spaces or quotes, bounded.
do $$
begin
  create domain app_public.web_url as text
    constraint web_url_is_https check (value ~ '^https://[^\s"''<>]+$' and length(value) <= 2048);
exception
  when duplicate_object then null;
end
$$;

comment on domain app_public.web_url is 'An absolute https URL of at most 2048 characters.';
--! EndIncluded foundation/web_url.sql
--! Included foundation/add_job.sql
/*
 * The one door to the job queue. It is called inside the transaction that causes the job, so that a
 * job exists if and only if its cause was committed. Runs as the owner, for clients have no right
 * on the queue.
 */
create or replace function app_hidden.add_job(
  task text,
  payload jsonb,
  job_key text default null,
  run_at timestamptz default null,
  max_attempts integer default 12,
  queue_name text default null
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform graphile_worker.add_job(
    add_job.task,
    add_job.payload::json,
    run_at => add_job.run_at,
    max_attempts => add_job.max_attempts,
    job_key => add_job.job_key,
    queue_name => add_job.queue_name
  );
end
$$;

comment on function app_hidden.add_job(text, jsonb, text, timestamptz, integer, text) is
  'Queues a job in the current transaction; job_key makes it unique while it waits, and jobs of one queue_name run one after the other.';
--! EndIncluded foundation/add_job.sql
--! Included foundation/tg__touch.sql
create or replace function app_hidden.tg__touch() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  NEW.updated_at := greatest(app_hidden.clock(), OLD.updated_at + interval '1 microsecond');
  return NEW;
end
$$;

comment on function app_hidden.tg__touch() is 'Keeps updated_at rising with every change of a row.';
--! EndIncluded foundation/tg__touch.sql
--! Included foundation/tg__append_only.sql
/*
 * For tables that are evidence: no role corrects them, the owner included. A mistake is corrected
 * by another row.
 */
create or replace function app_hidden.tg__append_only() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'Rows of % are never changed or deleted; append a correction.', TG_TABLE_NAME
    using errcode = 'SBG05';
end
$$;

comment on function app_hidden.tg__append_only() is 'Refuses every update, delete and truncate of a table.';
--! EndIncluded foundation/tg__append_only.sql
--! Included foundation/currencies.sql
/*
 * The currencies that the marketplace trades in, with what money arithmetic needs to know about
 * each. Amounts everywhere are integers in the minor unit: 12.34 EUR is 1234, 1234 JPY is 1234.
 */
create table if not exists app_public.currencies (
  code text constraint currencies_pkey primary key,
  number smallint not null,
  name text not null,
  exponent smallint not null,
  charge_step smallint not null,
  minimum_charge_amount bigint not null,

  constraint currencies_number_key unique (number),
  constraint currencies_code_is_iso_4217 check (code ~ '^[A-Z]{3}$'),
  constraint currencies_exponent_is_known check (exponent in (0, 2, 3)),
  -- Card networks settle three-decimal currencies in tens of the minor unit.
  constraint currencies_charge_step_fits_exponent
    check (charge_step = case exponent when 3 then 10 else 1 end)
);

alter table app_public.currencies enable row level security;
alter table app_public.currencies force row level security;

comment on table app_public.currencies is 'A currency that listings can be priced in.';
comment on column app_public.currencies.code is 'ISO 4217 letters.';
comment on column app_public.currencies.number is 'ISO 4217 number.';
comment on column app_public.currencies.name is 'English name.';
comment on column app_public.currencies.exponent is 'Decimals: an amount of 1234 with exponent 2 is 12.34.';
comment on column app_public.currencies.charge_step is 'Amounts that are charged are multiples of this, in minor units.';
comment on column app_public.currencies.minimum_charge_amount is 'The least that a card can be charged, in minor units.';

select app_hidden.drop_policies('app_public.currencies');
create policy definer_all on app_public.currencies to :DATABASE_OWNER using (true) with check (true);
create policy select_all on app_public.currencies for select to :DATABASE_VISITOR using (true);
grant select on app_public.currencies to :DATABASE_VISITOR;
-- No insert, update or delete: a currency comes with a migration.

insert into app_public.currencies (code, number, name, exponent, charge_step, minimum_charge_amount)
values
  ('AED', 784, 'UAE dirham', 2, 1, 200),
  ('AUD', 36, 'Australian dollar', 2, 1, 50),
  ('BRL', 986, 'Brazilian real', 2, 1, 50),
  ('CAD', 124, 'Canadian dollar', 2, 1, 50),
  ('CHF', 756, 'Swiss franc', 2, 1, 50),
  ('CZK', 203, 'Czech koruna', 2, 1, 1500),
  ('DKK', 208, 'Danish krone', 2, 1, 250),
  ('EUR', 978, 'Euro', 2, 1, 50),
  ('GBP', 826, 'Pound sterling', 2, 1, 30),
  ('HKD', 344, 'Hong Kong dollar', 2, 1, 400),
  ('HUF', 348, 'Hungarian forint', 2, 1, 17500),
  ('INR', 356, 'Indian rupee', 2, 1, 50),
  ('JPY', 392, 'Japanese yen', 0, 1, 50),
  ('KRW', 410, 'South Korean won', 0, 1, 500),
  ('KWD', 414, 'Kuwaiti dinar', 3, 10, 200),
  ('MXN', 484, 'Mexican peso', 2, 1, 1000),
  ('NOK', 578, 'Norwegian krone', 2, 1, 300),
  ('NZD', 554, 'New Zealand dollar', 2, 1, 50),
  ('PLN', 985, 'Polish zloty', 2, 1, 200),
  ('SEK', 752, 'Swedish krona', 2, 1, 300),
  ('SGD', 702, 'Singapore dollar', 2, 1, 50),
  ('THB', 764, 'Thai baht', 2, 1, 1000),
  ('TND', 788, 'Tunisian dinar', 3, 10, 2000),
  ('TRY', 949, 'Turkish lira', 2, 1, 2000),
  ('USD', 840, 'US dollar', 2, 1, 50),
  ('ZAR', 710, 'South African rand', 2, 1, 1000)
on conflict (code) do update
  set number = excluded.number, name = excluded.name, exponent = excluded.exponent,
      charge_step = excluded.charge_step, minimum_charge_amount = excluded.minimum_charge_amount;
--! EndIncluded foundation/currencies.sql

-- identity
--! Included identity/tables/users.sql
/*
 * What everybody may know of a person. What only they may know is in user_contacts, what nobody may
 * read is in app_private.user_secrets: a column that some readers may not see lives in another
 * table.
 */
create table if not exists app_public.users (
  id uuid not null default uuidv7() constraint users_pkey primary key,
  display_name text not null,
  avatar_url app_public.web_url,
  bio text not null default '',
  languages text[] not null default '{}',
  host_since timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint users_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> ''),
  constraint users_bio_is_bounded check (length(bio) <= 5000),
  constraint users_languages_are_bounded check (
    case when array_ndims(languages) > 1 then false
      else cardinality(languages) <= 20 and array_position(languages, null) is null
        and length(array_to_string(languages, ' ')) <= 700
    end
  )
);

alter table app_public.users enable row level security;
alter table app_public.users force row level security;

create or replace trigger _100_touch
  before update on app_public.users
  for each row execute function app_hidden.tg__touch();

comment on table app_public.users is 'A person: guest, host, or both.';
comment on column app_public.users.id is 'Public id of the person.';
comment on column app_public.users.display_name is 'The name others see.';
comment on column app_public.users.avatar_url is 'A picture of the person.';
comment on column app_public.users.bio is 'What the person says about themselves.';
comment on column app_public.users.languages is 'Languages the person speaks, as BCP 47 tags.';
comment on column app_public.users.host_since is 'When the person created their first listing; null for guests.';
comment on column app_public.users.created_at is 'Member since.';
comment on column app_public.users.updated_at is 'When the profile last changed.';
--! EndIncluded identity/tables/users.sql
--! Included identity/tables/user_contacts.sql
create table if not exists app_public.user_contacts (
  user_id uuid not null
    constraint user_contacts_pkey primary key
    constraint user_contacts_user_id_fkey references app_public.users on delete cascade,
  email text not null,
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

comment on table app_public.user_contacts is 'How to reach a person; visible to that person only.';
comment on column app_public.user_contacts.user_id is 'Whose contacts these are.';
comment on column app_public.user_contacts.email is 'E-mail address, in lower case.';
comment on column app_public.user_contacts.email_verified_at is 'When the person proved that the address is theirs.';
comment on column app_public.user_contacts.phone is 'Telephone number in E.164 form.';
--! EndIncluded identity/tables/user_contacts.sql
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

comment on table app_private.user_secrets is 'What proves that a person is who they say; no client role reads it.';
--! EndIncluded identity/tables/user_secrets.sql
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

comment on table app_private.operators is 'People who act with the rights of the operator.';
--! EndIncluded identity/tables/operators.sql
--! Included identity/tables/registrations.sql
/*
 * Somebody says that an address is theirs. A person comes to be when they open the link in the
 * mail, so that nobody squats on another's address, and so that registering and logging in answer
 * the same whether the address was known or not.
 */
create table if not exists app_private.registrations (
  id uuid not null default uuidv7() constraint registrations_pkey primary key,
  email text not null,
  display_name text not null,
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

-- purge_expired() walks what is past its time.
create index if not exists registrations_expires_at_idx on app_private.registrations (expires_at);

comment on table app_private.registrations is 'Accounts that wait for their address to be proven.';
--! EndIncluded identity/tables/registrations.sql
--! Included identity/tables/sessions.sql
/*
 * A session is a family of refresh tokens: each use of a token retires it and issues the next. A
 * retired token that comes back after the grace means that two parties hold the family, and ends
 * it.
 */
create table if not exists app_private.sessions (
  id uuid not null default uuidv7() constraint sessions_pkey primary key,
  user_id uuid not null
    constraint sessions_user_id_fkey references app_public.users on delete cascade,
  user_agent text not null default '',
  created_at timestamptz not null default app_hidden.clock(),
  last_used_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null,
  ended_at timestamptz,

  constraint sessions_user_agent_is_bounded check (length(user_agent) <= 400)
);

alter table app_private.sessions enable row level security;
alter table app_private.sessions force row level security;

create index if not exists sessions_user_id_idx on app_private.sessions (user_id);
-- purge_expired() walks what is past its time.
create index if not exists sessions_expires_at_idx on app_private.sessions (expires_at);

comment on table app_private.sessions is 'Where a person is signed in.';
--! EndIncluded identity/tables/sessions.sql
--! Included identity/tables/refresh_tokens.sql
create table if not exists app_private.refresh_tokens (
  token_hash bytea not null constraint refresh_tokens_pkey primary key,
  session_id uuid not null
    constraint refresh_tokens_session_id_fkey references app_private.sessions on delete cascade,
  created_at timestamptz not null default app_hidden.clock(),
  used_at timestamptz,

  constraint refresh_tokens_hash_is_sha256 check (length(token_hash) = 32)
);

alter table app_private.refresh_tokens enable row level security;
alter table app_private.refresh_tokens force row level security;

create index if not exists refresh_tokens_session_id_idx on app_private.refresh_tokens (session_id);

comment on table app_private.refresh_tokens is 'Refresh tokens, as SHA-256; the tokens themselves are with the clients.';
--! EndIncluded identity/tables/refresh_tokens.sql
--! Included identity/policies/users.sql
select app_hidden.drop_policies('app_public.users');

create policy definer_all on app_public.users to :DATABASE_OWNER using (true) with check (true);
-- A profile is public: guests choose hosts by it, hosts guests.
create policy select_all on app_public.users for select to :DATABASE_VISITOR using (true);
create policy update_self on app_public.users for update to :DATABASE_VISITOR
  using (id = (select app_public.current_user_id()));
-- No insert: register and confirm_registration create people with a verified address.
-- No delete: bookings and the ledger outlive an account.

grant select on app_public.users to :DATABASE_VISITOR;
grant update (display_name, avatar_url, bio, languages) on app_public.users to :DATABASE_VISITOR;
--! EndIncluded identity/policies/users.sql
--! Included identity/policies/user_contacts.sql
select app_hidden.drop_policies('app_public.user_contacts');

create policy definer_all on app_public.user_contacts to :DATABASE_OWNER using (true) with check (true);
create policy select_self on app_public.user_contacts for select to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy update_self on app_public.user_contacts for update to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy select_operator on app_public.user_contacts for select to :DATABASE_OPERATOR using (true);
-- No update of email: a new address has to be proven first.

grant select on app_public.user_contacts to :DATABASE_VISITOR;
grant update (phone) on app_public.user_contacts to :DATABASE_VISITOR;
--! EndIncluded identity/policies/user_contacts.sql
--! Included identity/policies/user_secrets.sql
select app_hidden.drop_policies('app_private.user_secrets');
-- Functions of app_private alone read and write secrets: no grant to anybody.
create policy definer_all on app_private.user_secrets to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded identity/policies/user_secrets.sql
--! Included identity/policies/operators.sql
select app_hidden.drop_policies('app_private.operators');
create policy definer_all on app_private.operators to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded identity/policies/operators.sql
--! Included identity/policies/registrations.sql
select app_hidden.drop_policies('app_private.registrations');
create policy definer_all on app_private.registrations to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded identity/policies/registrations.sql
--! Included identity/policies/sessions.sql
select app_hidden.drop_policies('app_private.sessions');
create policy definer_all on app_private.sessions to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded identity/policies/sessions.sql
--! Included identity/policies/refresh_tokens.sql
select app_hidden.drop_policies('app_private.refresh_tokens');
create policy definer_all on app_private.refresh_tokens to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded identity/policies/refresh_tokens.sql
--! Included identity/internal/register.sql
/*
 * Notes the wish for an account and queues the mail that proves the address. It does the same
 * whether the address is known or not; the mail job finds out (set_registration_token) and writes
 * accordingly.
 */
create or replace function app_private.register(
  email text, display_name text, password_hash text
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registration_id uuid;
begin
  insert into app_private.registrations (email, display_name, password_hash)
  values (lower(btrim(register.email)), btrim(register.display_name), register.password_hash)
  returning id into v_registration_id;

  perform app_hidden.add_job(
    'send_registration_mail', jsonb_build_object('registrationId', v_registration_id)
  );
end
$$;

grant execute on function app_private.register(text, text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.register(text, text, text) is
  'Starts a registration; the answer never tells whether the address has an account.';
--! EndIncluded identity/internal/register.sql
--! Included identity/internal/set_registration_token.sql
/*
 * Called by the mail job with the hash of a token it has just drawn: the token itself is in the
 * mail and nowhere else. A repeated job draws a new token, the old one stops working.
 */
create or replace function app_private.set_registration_token(
  registration_id uuid, token_hash bytea,
  out email text, out display_name text, out has_account boolean
)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.registrations r
  set token_hash = set_registration_token.token_hash
  where r.id = set_registration_token.registration_id and r.expires_at > app_hidden.clock()
  returning
    r.email,
    r.display_name,
    exists (select from app_public.user_contacts c where c.email = r.email)
$$;

grant execute on function app_private.set_registration_token(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.set_registration_token(uuid, bytea) is
  'Gives a registration its token and says what the mail job needs; nulls where it is gone.';
--! EndIncluded identity/internal/set_registration_token.sql
--! Included identity/internal/confirm_registration.sql
/*
 * The link in the mail was opened: the person comes to be. A second use of the link, and a second
 * registration of the same address, end as REGISTRATION_INVALID; whoever holds the link owns the
 * mailbox, so being told costs nothing.
 */
create or replace function app_private.confirm_registration(token_hash bytea) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registration app_private.registrations;
  v_user_id uuid;
begin
  delete from app_private.registrations r
  where r.token_hash = confirm_registration.token_hash
  returning * into v_registration;

  if v_registration.id is null or v_registration.expires_at <= app_hidden.clock() then
    raise exception 'This link is used or too old. Log in, or register again.' using errcode = 'SBI03';
  end if;

  insert into app_public.users (display_name) values (v_registration.display_name)
  returning id into v_user_id;
  insert into app_public.user_contacts (user_id, email, email_verified_at)
  values (v_user_id, v_registration.email, app_hidden.clock());
  insert into app_private.user_secrets (user_id, password_hash)
  values (v_user_id, v_registration.password_hash);
  return v_user_id;
exception
  when unique_violation then
    raise exception 'This link is used or too old. Log in, or register again.' using errcode = 'SBI03';
end
$$;

grant execute on function app_private.confirm_registration(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.confirm_registration(bytea) is
  'Creates the person whose address the token proves; REGISTRATION_INVALID otherwise.';
--! EndIncluded identity/internal/confirm_registration.sql
--! Included identity/internal/find_credentials.sql
create or replace function app_private.find_credentials(
  email text, out user_id uuid, out password_hash text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.user_id, s.password_hash
  from app_public.user_contacts c
  join app_private.user_secrets s on s.user_id = c.user_id
  where c.email = lower(btrim(find_credentials.email))
$$;

grant execute on function app_private.find_credentials(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_credentials(text) is
  'What a log-in is checked against; nulls where nobody has the address.';
--! EndIncluded identity/internal/find_credentials.sql
--! Included identity/internal/start_session.sql
create or replace function app_private.start_session(
  user_id uuid, token_hash bytea, user_agent text, lifetime interval,
  out session_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_private.sessions (user_id, user_agent, expires_at)
  values (
    start_session.user_id,
    left(coalesce(start_session.user_agent, ''), 400),
    app_hidden.clock() + start_session.lifetime
  )
  returning id into start_session.session_id;

  insert into app_private.refresh_tokens (token_hash, session_id)
  values (start_session.token_hash, start_session.session_id);

  is_operator := exists (
    select from app_private.operators o where o.user_id = start_session.user_id
  );
end
$$;

grant execute on function app_private.start_session(uuid, bytea, text, interval)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_session(uuid, bytea, text, interval) is
  'Opens a session with its first refresh token.';
--! EndIncluded identity/internal/start_session.sql
--! Included identity/internal/rotate_refresh_token.sql
/*
 * Exchanges a refresh token for the next one, as one atomic swap: of two requests with the same
 * token one waits for the other's row lock. Within the grace of 30 seconds both get a token of the
 * family (two tabs, or a lost answer); later the family ends, for somebody has copied a token.
 */
create or replace function app_private.rotate_refresh_token(
  old_hash bytea, new_hash bytea,
  out status text, out session_id uuid, out user_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_grace constant interval := '30 seconds';
  v_token app_private.refresh_tokens;
  v_session app_private.sessions;
begin
  select t.* into v_token from app_private.refresh_tokens t
  where t.token_hash = rotate_refresh_token.old_hash for update;
  select s.* into v_session from app_private.sessions s
  where s.id = v_token.session_id for update;

  if v_session.id is null or v_session.ended_at is not null
    or v_session.expires_at <= app_hidden.clock() then
    status := 'invalid';
    return;
  end if;

  session_id := v_session.id;
  if v_token.used_at <= app_hidden.clock() - c_grace then
    update app_private.sessions s set ended_at = app_hidden.clock() where s.id = v_session.id;
    status := 'reused';
    return;
  end if;

  update app_private.refresh_tokens t set used_at = coalesce(t.used_at, app_hidden.clock())
  where t.token_hash = v_token.token_hash;
  insert into app_private.refresh_tokens (token_hash, session_id)
  values (rotate_refresh_token.new_hash, v_session.id);
  update app_private.sessions s set last_used_at = app_hidden.clock() where s.id = v_session.id;

  status := 'rotated';
  user_id := v_session.user_id;
  is_operator := exists (select from app_private.operators o where o.user_id = v_session.user_id);
end
$$;

grant execute on function app_private.rotate_refresh_token(bytea, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.rotate_refresh_token(bytea, bytea) is
  'Exchanges a refresh token: status is rotated, invalid, or reused (the session has been ended).';
--! EndIncluded identity/internal/rotate_refresh_token.sql
--! Included identity/internal/find_refresh_session.sql
create or replace function app_private.find_refresh_session(token_hash bytea) returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.session_id from app_private.refresh_tokens t
  where t.token_hash = find_refresh_session.token_hash
$$;

grant execute on function app_private.find_refresh_session(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_refresh_session(bytea) is 'The session a refresh token belongs to, or null.';
--! EndIncluded identity/internal/find_refresh_session.sql
--! Included identity/internal/end_session.sql
create or replace function app_private.end_session(session_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.sessions s
  set ended_at = coalesce(s.ended_at, app_hidden.clock())
  where s.id = end_session.session_id
$$;

grant execute on function app_private.end_session(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_session(uuid) is 'Signs a session out; its refresh tokens stop working.';
--! EndIncluded identity/internal/end_session.sql
--! Included identity/internal/purge_expired_identity.sql
create or replace function app_private.purge_expired_identity() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_private.registrations where expires_at < app_hidden.clock();
  -- A week longer than needed, so that a stolen token that comes back late is still recognised.
  delete from app_private.sessions where expires_at < app_hidden.clock() - interval '7 days';
end
$$;

grant execute on function app_private.purge_expired_identity() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_expired_identity() is
  'Removes registrations and sessions that are past their time.';
--! EndIncluded identity/internal/purge_expired_identity.sql
--! Included identity/queries/me.sql
create or replace function app_public.me() returns app_public.users
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select u.* from app_public.users u where u.id = app_public.current_user_id()
$$;

grant execute on function app_public.me() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.me() is 'Who is signed in, or null.';
--! EndIncluded identity/queries/me.sql

-- listings
--! Included listings/tables/amenities.sql
/*
 * The catalogue of what a listing may offer. Only searchable amenities have a bit in the search
 * masks, of which there are few: see search/tables/search_bits.sql.
 */
create table if not exists app_public.amenities (
  code text constraint amenities_pkey primary key,
  name text not null,
  category text not null,
  is_searchable boolean not null,

  constraint amenities_code_is_a_word check (code ~ '^[a-z][a-z0-9_]{1,40}$')
);

alter table app_public.amenities enable row level security;
alter table app_public.amenities force row level security;

comment on table app_public.amenities is 'Something that a listing may offer.';
comment on column app_public.amenities.code is 'Stable word for programs, such as wifi.';
comment on column app_public.amenities.name is 'English name for people.';
comment on column app_public.amenities.category is 'Group to show it under.';
comment on column app_public.amenities.is_searchable is 'Whether listings can be searched by it.';
--! EndIncluded listings/tables/amenities.sql
--! Included listings/policies/amenities.sql
select app_hidden.drop_policies('app_public.amenities');

create policy definer_all on app_public.amenities to :DATABASE_OWNER using (true) with check (true);
create policy select_all on app_public.amenities for select to :DATABASE_VISITOR using (true);
-- No insert, update or delete: an amenity comes with a migration, for it needs a bit and a
-- translation.

grant select on app_public.amenities to :DATABASE_VISITOR;
--! EndIncluded listings/policies/amenities.sql
--! Included listings/data/amenities.sql
insert into app_public.amenities (code, name, category, is_searchable)
values
  ('air_conditioning', 'Air conditioning', 'comfort', true),
  ('balcony', 'Balcony or patio', 'outdoors', true),
  ('bathtub', 'Bathtub', 'bathroom', true),
  ('bbq_grill', 'BBQ grill', 'outdoors', true),
  ('beach_access', 'Beach access', 'location', true),
  ('bed_linens', 'Bed linens', 'bedroom', false),
  ('breakfast', 'Breakfast', 'services', true),
  ('carbon_monoxide_alarm', 'Carbon monoxide alarm', 'safety', true),
  ('coffee_maker', 'Coffee maker', 'kitchen', true),
  ('cot', 'Cot', 'family', true),
  ('crib_toys', 'Children''s books and toys', 'family', false),
  ('dedicated_workspace', 'Dedicated workspace', 'work', true),
  ('dishwasher', 'Dishwasher', 'kitchen', true),
  ('dryer', 'Dryer', 'laundry', true),
  ('elevator', 'Elevator', 'access', true),
  ('essentials', 'Essentials (towels, soap, toilet paper)', 'comfort', true),
  ('ev_charger', 'EV charger', 'parking', true),
  ('fire_extinguisher', 'Fire extinguisher', 'safety', true),
  ('first_aid_kit', 'First aid kit', 'safety', true),
  ('free_parking', 'Free parking on premises', 'parking', true),
  ('garden', 'Garden', 'outdoors', true),
  ('gym', 'Gym', 'leisure', true),
  ('hair_dryer', 'Hair dryer', 'bathroom', true),
  ('hangers', 'Hangers', 'bedroom', false),
  ('heating', 'Heating', 'comfort', true),
  ('hot_tub', 'Hot tub', 'leisure', true),
  ('hot_water', 'Hot water', 'bathroom', false),
  ('indoor_fireplace', 'Indoor fireplace', 'comfort', true),
  ('iron', 'Iron', 'laundry', true),
  ('kitchen', 'Kitchen', 'kitchen', true),
  ('lockbox', 'Lockbox', 'access', false),
  ('long_term_stays', 'Long-term stays allowed', 'services', false),
  ('luggage_dropoff', 'Luggage drop-off allowed', 'services', false),
  ('microwave', 'Microwave', 'kitchen', true),
  ('oven', 'Oven', 'kitchen', false),
  ('paid_parking', 'Paid parking', 'parking', false),
  ('pets_allowed', 'Pets allowed', 'rules', true),
  ('pool', 'Pool', 'leisure', true),
  ('private_entrance', 'Private entrance', 'access', true),
  ('refrigerator', 'Refrigerator', 'kitchen', false),
  ('self_check_in', 'Self check-in', 'access', true),
  ('shampoo', 'Shampoo', 'bathroom', false),
  ('smoke_alarm', 'Smoke alarm', 'safety', true),
  ('smoking_allowed', 'Smoking allowed', 'rules', true),
  ('step_free_access', 'Step-free access', 'access', true),
  ('tv', 'TV', 'comfort', true),
  ('washer', 'Washer', 'laundry', true),
  ('waterfront', 'Waterfront', 'location', true),
  ('wifi', 'Wifi', 'work', true)
on conflict (code) do update
  set name = excluded.name, category = excluded.category, is_searchable = excluded.is_searchable;
--! EndIncluded listings/data/amenities.sql
--! Included listings/tables/listings.sql
/*
 * What is advertised and booked. What a guest reads before booking is here; the exact address is in
 * listing_addresses, the price in listing_rates, the nights in the calendar.
 */
do $$
begin
  create type app_public.listing_status as enum (
    'draft', 'pending_approval', 'published', 'paused', 'suspended', 'archived'
  );
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.listing_type as enum (
    'entire_home', 'private_room', 'shared_room', 'hotel_room'
  );
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.booking_mode as enum ('instant', 'request');
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.cancellation_policy as enum (
    'flexible', 'moderate', 'firm', 'strict', 'non_refundable'
  );
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.listings (
  id uuid not null default uuidv7() constraint listings_pkey primary key,
  host_id uuid not null default app_public.current_user_id()
    constraint listings_host_id_fkey references app_public.users on delete restrict,
  status app_public.listing_status not null default 'draft',
  title text not null,
  description text not null default '',
  house_rules text,
  type app_public.listing_type not null default 'entire_home',
  max_guests smallint not null default 2,
  bedrooms smallint not null default 1,
  beds smallint not null default 1,
  bathrooms numeric(3, 1) not null default 1,
  unit_count smallint not null default 1,

  booking_mode app_public.booking_mode not null default 'instant',
  cancellation_policy app_public.cancellation_policy not null default 'moderate',
  check_in_from time not null default '15:00',
  check_out_until time not null default '11:00',
  min_nights smallint not null default 1,
  max_nights smallint not null default 365,
  advance_notice_hours smallint not null default 0,
  booking_window_days smallint not null default 365,
  preparation_days smallint not null default 0,

  -- The place as everybody may know it: set_listing_address() derives it from the exact one.
  time_zone text,
  country_code text,
  region text,
  city text,
  public_longitude double precision,
  public_latitude double precision,

  review_count integer not null default 0,
  review_rating_sum integer not null default 0,
  published_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint listings_title_has_length check (length(title) <= 200 and btrim(title) <> ''),
  constraint listings_description_is_bounded check (length(description) <= 20000),
  constraint listings_house_rules_are_bounded check (length(house_rules) <= 10000),
  -- Sixteen is where the capacity steps of search end.
  constraint listings_max_guests_fits check (max_guests between 1 and 16),
  constraint listings_rooms_are_plausible
    check (bedrooms between 0 and 50 and beds between 0 and 100 and bathrooms between 0 and 50),
  constraint listings_unit_count_fits check (unit_count between 1 and 100),
  constraint listings_nights_are_ordered
    check (min_nights >= 1 and max_nights between min_nights and 730),
  constraint listings_advance_notice_fits check (advance_notice_hours between 0 and 336),
  constraint listings_booking_window_fits check (booking_window_days between 1 and 730),
  constraint listings_preparation_days_fit check (preparation_days between 0 and 14),
  constraint listings_time_zone_is_known check (app_hidden.is_time_zone(time_zone)),
  constraint listings_country_code_is_iso_3166 check (country_code ~ '^[A-Z]{2}$'),
  constraint listings_region_is_bounded check (length(region) <= 200),
  constraint listings_city_has_length check (length(city) <= 200 and btrim(city) <> ''),
  constraint listings_place_is_whole check (
    num_nulls(time_zone, country_code, city, public_longitude, public_latitude) in (0, 5)
  ),
  constraint listings_rating_sum_fits_count
    check (review_rating_sum between review_count and review_count * 5)
);

alter table app_public.listings enable row level security;
alter table app_public.listings force row level security;

-- A host's own listings, newest first.
create index if not exists listings_host_id_idx on app_public.listings (host_id, id);
-- The public list: published listings by id, without reading the others.
create index if not exists listings_published_idx on app_public.listings (id)
  where status = 'published';

create or replace trigger _100_touch
  before update on app_public.listings
  for each row execute function app_hidden.tg__touch();

comment on type app_public.listing_status is 'Where a listing is between first draft and archive.';
comment on type app_public.listing_type is 'What a guest gets: a whole home or some room.';
comment on type app_public.booking_mode is 'Whether a guest books at once or asks the host first.';
comment on type app_public.cancellation_policy is 'How much a guest gets back who cancels.';

comment on table app_public.listings is 'A place to stay, as advertised and booked.';
comment on column app_public.listings.id is 'Public id of the listing.';
comment on column app_public.listings.host_id is 'Who offers it.';
comment on column app_public.listings.status is 'Only published listings are seen by everybody.';
comment on column app_public.listings.title is 'Headline, 1 to 200 characters.';
comment on column app_public.listings.description is 'What the place is like, plain text.';
comment on column app_public.listings.house_rules is 'What the host expects of guests, plain text.';
comment on column app_public.listings.type is 'What a guest gets: a whole home or some room.';
comment on column app_public.listings.max_guests is 'How many people may stay, 1 to 16.';
comment on column app_public.listings.bedrooms is 'Number of bedrooms; 0 is a studio.';
comment on column app_public.listings.beds is 'Number of beds.';
comment on column app_public.listings.bathrooms is 'Number of bathrooms; .5 is a toilet without a bath.';
comment on column app_public.listings.unit_count is 'How many identical units can be booked side by side.';
comment on column app_public.listings.booking_mode is 'Whether a guest books at once or asks first.';
comment on column app_public.listings.cancellation_policy is 'What a guest gets back who cancels.';
comment on column app_public.listings.check_in_from is 'Local time from which guests may arrive.';
comment on column app_public.listings.check_out_until is 'Local time by which guests must have left.';
comment on column app_public.listings.min_nights is 'The shortest stay.';
comment on column app_public.listings.max_nights is 'The longest stay.';
comment on column app_public.listings.advance_notice_hours is 'Hours between booking and the earliest check-in.';
comment on column app_public.listings.booking_window_days is 'How many days ahead a stay may begin.';
comment on column app_public.listings.preparation_days is 'Nights kept free after each stay.';
comment on column app_public.listings.time_zone is 'IANA zone whose local dates the stays are in.';
comment on column app_public.listings.country_code is 'ISO 3166-1 alpha-2 code of the country.';
comment on column app_public.listings.region is 'State, province or the like.';
comment on column app_public.listings.city is 'City or village.';
comment on column app_public.listings.public_longitude is 'Degrees east, moved some 200 m from the true place.';
comment on column app_public.listings.public_latitude is 'Degrees north, moved some 200 m from the true place.';
comment on column app_public.listings.review_count is 'How many reviews of the listing are published.';
comment on column app_public.listings.review_rating_sum is 'Sum of the overall ratings (1 to 5) of those reviews.';
comment on column app_public.listings.published_at is 'When it was first published.';
comment on column app_public.listings.created_at is 'When the draft was begun.';
comment on column app_public.listings.updated_at is 'When it last changed.';
--! EndIncluded listings/tables/listings.sql
--! Included listings/tables/listing_addresses.sql
/*
 * The exact place. It is a table of its own, for a guest sees it only with a confirmed booking, and
 * search never does: with exact coordinates in search, a house is found by bisecting the box.
 *
 * The offset is drawn once and kept: a new one at each edit could be averaged away.
 */
create table if not exists app_public.listing_addresses (
  listing_id uuid not null
    constraint listing_addresses_pkey primary key
    constraint listing_addresses_listing_id_fkey references app_public.listings on delete cascade,
  street text not null,
  postal_code text,
  directions text,
  longitude double precision not null,
  latitude double precision not null,

  constraint listing_addresses_street_has_length check (length(street) <= 300 and btrim(street) <> ''),
  constraint listing_addresses_postal_code_is_bounded check (length(postal_code) <= 20),
  constraint listing_addresses_directions_are_bounded check (length(directions) <= 5000),
  constraint listing_addresses_are_on_earth
    check (longitude between -180 and 180 and latitude between -90 and 90)
);

alter table app_public.listing_addresses enable row level security;
alter table app_public.listing_addresses force row level security;

comment on table app_public.listing_addresses is
  'The exact address, for the host and for guests with a confirmed booking.';
comment on column app_public.listing_addresses.listing_id is 'The listing that is there.';
comment on column app_public.listing_addresses.street is 'Street and number.';
comment on column app_public.listing_addresses.postal_code is 'Postal code, where the country has them.';
comment on column app_public.listing_addresses.directions is 'How to find the door.';
comment on column app_public.listing_addresses.longitude is 'Degrees east, exact.';
comment on column app_public.listing_addresses.latitude is 'Degrees north, exact.';
--! EndIncluded listings/tables/listing_addresses.sql
--! Included listings/tables/listing_offsets.sql
/*
 * How far and where to a listing's public place is moved. Drawn at random, once, and readable by
 * nobody: with it the exact place could be had from the public one. Distance 150 to 250 m, any
 * bearing.
 */
create table if not exists app_private.listing_offsets (
  listing_id uuid not null
    constraint listing_offsets_pkey primary key
    constraint listing_offsets_listing_id_fkey references app_public.listings on delete cascade,
  bearing double precision not null default random() * 2 * pi(),
  distance_m double precision not null default 150 + random() * 100
);

alter table app_private.listing_offsets enable row level security;
alter table app_private.listing_offsets force row level security;

comment on table app_private.listing_offsets is 'The secret move from a listing''s exact place to its public one.';
--! EndIncluded listings/tables/listing_offsets.sql
--! Included listings/tables/listing_photos.sql
create table if not exists app_public.listing_photos (
  id uuid not null default uuidv7() constraint listing_photos_pkey primary key,
  listing_id uuid not null
    constraint listing_photos_listing_id_fkey references app_public.listings on delete cascade,
  url app_public.web_url not null,
  caption text not null default '',
  position smallint not null default 0,
  created_at timestamptz not null default app_hidden.clock(),

  constraint listing_photos_caption_is_bounded check (length(caption) <= 500),
  constraint listing_photos_position_fits check (position between 0 and 999)
);

alter table app_public.listing_photos enable row level security;
alter table app_public.listing_photos force row level security;

-- Photos are always read for one listing, in order.
create index if not exists listing_photos_listing_id_idx
  on app_public.listing_photos (listing_id, position, id);

comment on table app_public.listing_photos is 'A photo of a listing.';
comment on column app_public.listing_photos.id is 'Public id of the photo.';
comment on column app_public.listing_photos.listing_id is 'The listing it shows.';
comment on column app_public.listing_photos.url is 'Where the picture is.';
comment on column app_public.listing_photos.caption is 'What it shows.';
comment on column app_public.listing_photos.position is 'Photos are shown by rising position; the first is the cover.';
comment on column app_public.listing_photos.created_at is 'When it was added.';
--! EndIncluded listings/tables/listing_photos.sql
--! Included listings/tables/listing_amenities.sql
create table if not exists app_public.listing_amenities (
  listing_id uuid not null
    constraint listing_amenities_listing_id_fkey references app_public.listings on delete cascade,
  amenity_code text not null
    constraint listing_amenities_amenity_code_fkey references app_public.amenities on delete restrict,

  constraint listing_amenities_pkey primary key (listing_id, amenity_code)
);

alter table app_public.listing_amenities enable row level security;
alter table app_public.listing_amenities force row level security;

-- For the foreign key: an amenity is only removed when nobody offers it.
create index if not exists listing_amenities_amenity_code_idx
  on app_public.listing_amenities (amenity_code);

comment on table app_public.listing_amenities is 'An amenity that a listing offers.';
comment on column app_public.listing_amenities.listing_id is 'The listing that offers it.';
comment on column app_public.listing_amenities.amenity_code is 'What is offered.';
--! EndIncluded listings/tables/listing_amenities.sql
--! Included listings/policies/listing_offsets.sql
select app_hidden.drop_policies('app_private.listing_offsets');
create policy definer_all on app_private.listing_offsets to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded listings/policies/listing_offsets.sql
--! Included listings/policies/listing_photos.sql
select app_hidden.drop_policies('app_public.listing_photos');

create policy definer_all on app_public.listing_photos to :DATABASE_OWNER using (true) with check (true);
-- Whoever sees the listing sees its photos.
create policy select_visible on app_public.listing_photos for select to :DATABASE_VISITOR
  using (exists (select from app_public.listings l where l.id = listing_id));
-- Like the listing itself, its photos stand still once it is suspended or archived.
create policy insert_own on app_public.listing_photos for insert to :DATABASE_VISITOR
  with check (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
        and l.status not in ('suspended', 'archived')
    )
  );
create policy update_own on app_public.listing_photos for update to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
        and l.status not in ('suspended', 'archived')
    )
  );
create policy delete_own on app_public.listing_photos for delete to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
        and l.status not in ('suspended', 'archived')
    )
  );

grant select, delete on app_public.listing_photos to :DATABASE_VISITOR;
grant insert (listing_id, url, caption, position) on app_public.listing_photos to :DATABASE_VISITOR;
grant update (url, caption, position) on app_public.listing_photos to :DATABASE_VISITOR;
--! EndIncluded listings/policies/listing_photos.sql
--! Included listings/policies/listing_amenities.sql
select app_hidden.drop_policies('app_public.listing_amenities');

create policy definer_all on app_public.listing_amenities to :DATABASE_OWNER using (true) with check (true);
create policy select_visible on app_public.listing_amenities for select to :DATABASE_VISITOR
  using (exists (select from app_public.listings l where l.id = listing_id));
-- No insert, update or delete: set_listing_amenities() replaces the whole set.

grant select on app_public.listing_amenities to :DATABASE_VISITOR;
--! EndIncluded listings/policies/listing_amenities.sql
--! Included listings/internal/require_own_listing.sql
/*
 * The row lock keeps a listing as it was checked until the caller commits. It is the weaker one
 * that lets rows be written that refer to the listing: a booking does so while it holds the guard
 * row, and a host who blocks nights takes the two the other way round. Somebody else's listing is
 * "not found" where it is not public, so that ids cannot be probed.
 */
create or replace function app_hidden.require_own_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_listing app_public.listings;
begin
  select l.* into v_listing from app_public.listings l
  where l.id = require_own_listing.listing_id for no key update;

  if v_listing.id is null or (v_listing.host_id <> v_user_id and v_listing.status <> 'published') then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  if v_listing.host_id <> v_user_id then
    raise exception 'This listing is another host''s.' using errcode = 'SBG02', column = 'listing_id';
  end if;
  if v_listing.status in ('suspended', 'archived') then
    raise exception 'A listing that is % cannot be changed.', v_listing.status
      using errcode = 'SBL03', column = 'listing_id';
  end if;
  return v_listing;
end
$$;

comment on function app_hidden.require_own_listing(uuid) is
  'Locks and returns a listing of whoever is signed in; NOT_FOUND or FORBIDDEN otherwise.';
--! EndIncluded listings/internal/require_own_listing.sql
--! Included listings/internal/offset_place.sql
/*
 * Moves a point by a distance in metres along a bearing. Short distances only: a degree of latitude
 * is taken as 111,320 m everywhere, which is right to 1 %. Keeps off the poles, where longitude
 * loses its meaning.
 */
create or replace function app_hidden.offset_place(
  longitude double precision, latitude double precision,
  bearing double precision, distance_m double precision,
  out public_longitude double precision, out public_latitude double precision
)
language sql immutable
as $$
  select
    round((
      mod(
        (offset_place.longitude + 540 + distance_m * sin(bearing)
          / (111320 * greatest(cos(radians(offset_place.latitude)), 0.01)))::numeric,
        360
      ) - 180
    ), 6)::double precision,
    round(
      greatest(-89.9, least(89.9, offset_place.latitude + distance_m * cos(bearing) / 111320))::numeric,
      6
    )::double precision
$$;

comment on function app_hidden.offset_place(
  double precision, double precision, double precision, double precision
) is 'A point moved by some metres along a bearing in radians.';
--! EndIncluded listings/internal/offset_place.sql
--! Included listings/internal/write_listing_address.sql
create or replace function app_hidden.write_listing_address(
  listing_id uuid,
  street text,
  city text,
  country_code text,
  time_zone text,
  longitude double precision,
  latitude double precision,
  postal_code text,
  region text,
  directions text
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
begin
  insert into app_public.listing_addresses as a
    (listing_id, street, postal_code, directions, longitude, latitude)
  values (
    write_listing_address.listing_id,
    write_listing_address.street,
    write_listing_address.postal_code,
    write_listing_address.directions,
    write_listing_address.longitude,
    write_listing_address.latitude
  )
  on conflict on constraint listing_addresses_pkey do update
    set street = excluded.street, postal_code = excluded.postal_code,
        directions = excluded.directions, longitude = excluded.longitude,
        latitude = excluded.latitude
    where row(a.street, a.postal_code, a.directions, a.longitude, a.latitude) is distinct from
      row(excluded.street, excluded.postal_code, excluded.directions, excluded.longitude, excluded.latitude);

  insert into app_private.listing_offsets (listing_id) values (write_listing_address.listing_id)
  on conflict on constraint listing_offsets_pkey do nothing;

  update app_public.listings l
  set time_zone = write_listing_address.time_zone,
      country_code = upper(write_listing_address.country_code),
      region = write_listing_address.region,
      city = btrim(write_listing_address.city),
      public_longitude = p.public_longitude,
      public_latitude = p.public_latitude
  from app_private.listing_offsets o
  cross join lateral app_hidden.offset_place(
    write_listing_address.longitude, write_listing_address.latitude, o.bearing, o.distance_m
  ) p
  where l.id = write_listing_address.listing_id and o.listing_id = l.id
  returning l.* into v_listing;
  return v_listing;
end
$$;

comment on function app_hidden.write_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) is 'Writes the exact and the public place of a listing together.';
--! EndIncluded listings/internal/write_listing_address.sql
--! Included listings/mutations/set_listing_address.sql
create or replace function app_public.set_listing_address(
  listing_id uuid,
  street text,
  city text,
  country_code text,
  time_zone text,
  longitude double precision,
  latitude double precision,
  postal_code text default null,
  region text default null,
  directions text default null
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(set_listing_address.listing_id);
begin
  return app_hidden.write_listing_address(
    v_listing.id,
    set_listing_address.street,
    set_listing_address.city,
    set_listing_address.country_code,
    set_listing_address.time_zone,
    set_listing_address.longitude,
    set_listing_address.latitude,
    set_listing_address.postal_code,
    set_listing_address.region,
    set_listing_address.directions
  );
end
$$;

grant execute on function app_public.set_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) to :DATABASE_VISITOR;

comment on function app_public.set_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) is 'Says where a listing is. The exact place stays private; the public one is moved some 200 m.';
--! EndIncluded listings/mutations/set_listing_address.sql
--! Included listings/mutations/set_listing_amenities.sql
create or replace function app_public.set_listing_amenities(
  listing_id uuid, amenity_codes text[]
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(set_listing_amenities.listing_id);
  v_unknown text;
begin
  -- Null is no set, and no amenity either: the empty set takes all of them away.
  select string_agg(coalesce(code, 'null'), ', ') into v_unknown
  from unnest(coalesce(set_listing_amenities.amenity_codes, array[null]::text[])) code
  where not exists (select from app_public.amenities a where a.code = code.code);
  if v_unknown is not null then
    raise exception 'Unknown amenities: %.', left(v_unknown, 200)
      using errcode = 'SBL04', column = 'amenity_codes',
        hint = 'The query amenities lists the codes.';
  end if;

  delete from app_public.listing_amenities la
  where la.listing_id = v_listing.id
    and la.amenity_code <> all (set_listing_amenities.amenity_codes);
  insert into app_public.listing_amenities (listing_id, amenity_code)
  select distinct v_listing.id, code from unnest(set_listing_amenities.amenity_codes) code
  on conflict do nothing;
  return v_listing;
end
$$;

grant execute on function app_public.set_listing_amenities(uuid, text[]) to :DATABASE_VISITOR;

comment on function app_public.set_listing_amenities(uuid, text[]) is
  'Replaces the amenities of a listing by the given set.';
--! EndIncluded listings/mutations/set_listing_amenities.sql
--! Included listings/computed/listings_average_rating.sql
create or replace function app_public.listings_average_rating(listing app_public.listings)
returns numeric
language sql stable
return round(listing.review_rating_sum::numeric / nullif(listing.review_count, 0), 2);

grant execute on function app_public.listings_average_rating(app_public.listings) to :DATABASE_VISITOR;

comment on function app_public.listings_average_rating(app_public.listings) is
  'Average overall rating from 1 to 5 with two decimals; null before the first review.';
--! EndIncluded listings/computed/listings_average_rating.sql
--! Included listings/triggers/tg_listings__become_host.sql
create or replace function app_hidden.tg_listings__become_host() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.users u set host_since = app_hidden.clock()
  where u.id = NEW.host_id and u.host_since is null;
  return null;
end
$$;

create or replace trigger _500_become_host
  after insert on app_public.listings
  for each row execute function app_hidden.tg_listings__become_host();

comment on function app_hidden.tg_listings__become_host() is 'The first listing makes a person a host.';
--! EndIncluded listings/triggers/tg_listings__become_host.sql
--! Included listings/triggers/tg_listing_photos__limit.sql
/*
 * A cap on everything: photos of one listing are loaded together. It counts behind the insert, when
 * row-level security has seen the row, so that nobody learns from it about a listing that is not
 * theirs; and under the listing's lock, so that two inserts count one after the other, and a
 * listing that is being published has them.
 */
create or replace function app_hidden.tg_listing_photos__limit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from app_public.listings l where l.id = NEW.listing_id for no key update;
  if (select count(*) from app_public.listing_photos p where p.listing_id = NEW.listing_id) > 100 then
    raise exception 'A listing has at most 100 photos.' using errcode = 'SBL05', column = 'listing_id';
  end if;
  return null;
end
$$;

create or replace trigger _200_limit
  after insert on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__limit();

comment on function app_hidden.tg_listing_photos__limit() is 'At most 100 photos a listing.';
--! EndIncluded listings/triggers/tg_listing_photos__limit.sql

-- calendar
--! Included calendar/tables/listing_availability.sql
/*
 * One row a unit: the guard that whoever takes nights updates first, and the read model that search
 * reads. The nights that are taken are the union of the unit's live claims; a trigger on
 * calendar_claims keeps them, and calendar_drift() recomputes and compares.
 *
 * No index but the key, and room on each page: every update is heap-only, and none disturbs search.
 * The restrictions are copies of the listing's, so that "can this stay be taken?" reads one row.
 */
create table if not exists app_hidden.listing_availability (
  listing_id uuid not null
    constraint listing_availability_listing_id_fkey references app_public.listings on delete cascade,
  unit_number smallint not null,
  taken datemultirange not null default '{}',
  min_nights smallint not null,
  max_nights smallint not null,
  advance_notice_hours smallint not null,
  booking_window_days smallint not null,
  preparation_days smallint not null,
  check_in_from time not null,
  time_zone text,

  constraint listing_availability_pkey primary key (listing_id, unit_number)
) with (fillfactor = 70);

alter table app_hidden.listing_availability enable row level security;
alter table app_hidden.listing_availability force row level security;

comment on table app_hidden.listing_availability is
  'Per unit: the nights that are taken, and what a stay must keep to.';
--! EndIncluded calendar/tables/listing_availability.sql
--! Included calendar/tables/calendar_claims.sql
/*
 * The one place where nights are taken: holds, bookings, blocks and imported events alike. Only
 * live claims have rows: to free nights is to delete the claim.
 */
do $$
begin
  create type app_public.claim_kind as enum ('hold', 'booking', 'block', 'import');
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.calendar_claims (
  id uuid not null default uuidv7() constraint calendar_claims_pkey primary key,
  listing_id uuid not null,
  unit_number smallint not null,
  nights daterange not null,
  kind app_public.claim_kind not null,
  booking_id uuid,
  expires_at timestamptz,
  note text not null default '',
  created_at timestamptz not null default app_hidden.clock(),

  -- N1: no night of a unit has two live claims, whoever wrote them. The guard row decides first
  -- (two inserts that meet on this constraint deadlock); this stands behind it.
  constraint calendar_claims_nights_excl
    exclude using gist (listing_id with =, unit_number with =, nights with &&),
  constraint calendar_claims_unit_fkey
    foreign key (listing_id, unit_number)
    references app_hidden.listing_availability (listing_id, unit_number) on delete cascade,
  -- One claim a booking.
  constraint calendar_claims_booking_id_key unique (booking_id),
  constraint calendar_claims_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint calendar_claims_kind_has_booking
    check ((kind in ('hold', 'booking')) = (booking_id is not null)),
  constraint calendar_claims_only_holds_expire check (expires_at is null or kind = 'hold'),
  constraint calendar_claims_note_is_bounded check (length(note) <= 500)
);

alter table app_public.calendar_claims enable row level security;
alter table app_public.calendar_claims force row level security;

-- A host's calendar in order, and the foreign key to the unit.
create index if not exists calendar_claims_unit_idx
  on app_public.calendar_claims (listing_id, unit_number, lower(nights));

-- Holds past their time are found by this, for one listing or for all.
create index if not exists calendar_claims_expires_at_idx
  on app_public.calendar_claims (expires_at, listing_id) where expires_at is not null;

comment on type app_public.claim_kind is
  'Why nights are taken: hold (waits for payment), booking, block (by the host), import (from another calendar).';
comment on table app_public.calendar_claims is 'Nights of a unit that are taken; visible to its host.';
comment on column app_public.calendar_claims.id is 'Public id of the claim.';
comment on column app_public.calendar_claims.listing_id is 'The listing.';
comment on column app_public.calendar_claims.unit_number is 'Which of the listing''s identical units, from 1.';
comment on column app_public.calendar_claims.nights is
  'The nights from the first to before the end; the listing''s preparation days after a stay included.';
comment on column app_public.calendar_claims.kind is 'Why the nights are taken.';
comment on column app_public.calendar_claims.booking_id is 'The booking that takes them, for holds and bookings.';
comment on column app_public.calendar_claims.expires_at is
  'When a hold ends; null for what lasts, and while a payment is being processed.';
comment on column app_public.calendar_claims.note is 'The host''s own note.';
comment on column app_public.calendar_claims.created_at is 'When they were taken.';
--! EndIncluded calendar/tables/calendar_claims.sql
--! Included calendar/policies/listing_availability.sql
select app_hidden.drop_policies('app_hidden.listing_availability');
-- Read through functions only.
create policy definer_all on app_hidden.listing_availability to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded calendar/policies/listing_availability.sql
--! Included calendar/policies/calendar_claims.sql
select app_hidden.drop_policies('app_public.calendar_claims');

create policy definer_all on app_public.calendar_claims to :DATABASE_OWNER using (true) with check (true);
create policy select_host on app_public.calendar_claims for select to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.calendar_claims for select to :DATABASE_OPERATOR using (true);
-- Not for guests: why a night is taken is the host's matter; taken_nights() says which.
-- No insert, update or delete: block_nights(), unblock_nights() and bookings.

grant select on app_public.calendar_claims to :DATABASE_VISITOR;
--! EndIncluded calendar/policies/calendar_claims.sql
--! Included calendar/triggers/tg_calendar_claims__guard.sql
/*
 * Every way of taking nights passes here, psql included. The update of the unit's row is the lock,
 * the check and the read model in one statement: no row changed means that the nights are taken,
 * and the loser has written nothing; one row changed means that the lock is held until commit.
 */
create or replace function app_hidden.tg_calendar_claims__guard() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if TG_OP in ('UPDATE', 'DELETE') then
    update app_hidden.listing_availability a
    set taken = a.taken - datemultirange(OLD.nights)
    where a.listing_id = OLD.listing_id and a.unit_number = OLD.unit_number;
  end if;
  if TG_OP = 'DELETE' then
    return OLD;
  end if;

  update app_hidden.listing_availability a
  set taken = a.taken + datemultirange(NEW.nights)
  where a.listing_id = NEW.listing_id and a.unit_number = NEW.unit_number
    and not a.taken && NEW.nights;
  if not found then
    raise exception 'These nights are taken.' using errcode = 'SBC01';
  end if;
  return NEW;
end
$$;

create or replace trigger _100_guard
  before insert or delete or update of listing_id, unit_number, nights
  on app_public.calendar_claims
  for each row execute function app_hidden.tg_calendar_claims__guard();

comment on function app_hidden.tg_calendar_claims__guard() is
  'Takes and frees nights in the unit''s guard row together with the claim.';
--! EndIncluded calendar/triggers/tg_calendar_claims__guard.sql
--! Included calendar/triggers/tg_calendar_claims__no_truncate.sql
-- A truncate fires no row trigger: the nights would stay taken for ever.
create or replace trigger _110_no_truncate
  before truncate on app_public.calendar_claims
  for each statement execute function app_hidden.tg__append_only();
--! EndIncluded calendar/triggers/tg_calendar_claims__no_truncate.sql
--! Included calendar/triggers/tg_listings__sync_availability.sql
create or replace function app_hidden.tg_listings__sync_availability() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_hidden.listing_availability as a (
    listing_id, unit_number, min_nights, max_nights, advance_notice_hours,
    booking_window_days, preparation_days, check_in_from, time_zone
  )
  select NEW.id, n, NEW.min_nights, NEW.max_nights, NEW.advance_notice_hours,
    NEW.booking_window_days, NEW.preparation_days, NEW.check_in_from, NEW.time_zone
  from generate_series(1, NEW.unit_count) n
  order by n
  on conflict on constraint listing_availability_pkey do update
    set min_nights = excluded.min_nights, max_nights = excluded.max_nights,
        advance_notice_hours = excluded.advance_notice_hours,
        booking_window_days = excluded.booking_window_days,
        preparation_days = excluded.preparation_days,
        check_in_from = excluded.check_in_from, time_zone = excluded.time_zone;
  return null;
end
$$;

create or replace trigger _300_sync_availability
  after insert or update of unit_count, min_nights, max_nights, advance_notice_hours,
    booking_window_days, preparation_days, check_in_from, time_zone
  on app_public.listings
  for each row execute function app_hidden.tg_listings__sync_availability();

comment on function app_hidden.tg_listings__sync_availability() is
  'Gives each unit its guard row and copies the listing''s restrictions there.';
--! EndIncluded calendar/triggers/tg_listings__sync_availability.sql
--! Included calendar/internal/check_stay.sql
/*
 * The shape of a stay, before anything is looked up: two finite dates in order, at most two years
 * long. Null is refused by the caller's signature or here alike.
 */
create or replace function app_hidden.check_stay(check_in date, check_out date, guests integer)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if check_stay.check_in is null or check_stay.check_out is null then
    raise exception 'Give both check-in and check-out.' using errcode = 'SBC02', column = 'check_in';
  end if;
  if not isfinite(check_stay.check_in) or not isfinite(check_stay.check_out) then
    raise exception 'Dates of a stay are finite.' using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out <= check_stay.check_in then
    raise exception 'Check-out comes after check-in.' using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out - check_stay.check_in > 730 then
    raise exception 'A stay has at most 730 nights.' using errcode = 'SBC04', column = 'check_out';
  end if;
  if check_stay.guests is null or check_stay.guests < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
end
$$;

comment on function app_hidden.check_stay(date, date, integer) is
  'INVALID_STAY, STAY_TOO_LONG or INVALID_GUESTS where a stay makes no sense.';
--! EndIncluded calendar/internal/check_stay.sql
--! Included calendar/internal/check_nights.sql
/*
 * check_stay() for functions whose inputs are starts_on and ends_before: the error names what the
 * client wrote.
 */
create or replace function app_hidden.check_nights(starts_on date, ends_before date) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not coalesce(
    isfinite(check_nights.starts_on) and isfinite(check_nights.ends_before)
    and check_nights.starts_on < check_nights.ends_before, false
  ) then
    raise exception 'Give starts_on and a later ends_before.'
      using errcode = 'SBC02', column = 'ends_before';
  end if;
  if check_nights.ends_before - check_nights.starts_on > 730 then
    raise exception 'At most 730 nights at once.' using errcode = 'SBC04', column = 'ends_before';
  end if;
end
$$;

comment on function app_hidden.check_nights(date, date) is
  'INVALID_STAY or STAY_TOO_LONG where a range of nights makes no sense.';
--! EndIncluded calendar/internal/check_nights.sql
--! Included calendar/internal/claim_window.sql
/*
 * The nights that a stay takes: its own, and the preparation days after it. Widening one end is
 * enough to keep the gap between any two stays.
 */
create or replace function app_hidden.claim_window(check_in date, check_out date, preparation_days integer)
returns daterange
language sql immutable parallel safe
return daterange(check_in, check_out + preparation_days);

comment on function app_hidden.claim_window(date, date, integer) is
  'The nights a stay takes, preparation days included.';
--! EndIncluded calendar/internal/claim_window.sql
--! Included calendar/internal/stay_keeps_restrictions.sql
/*
 * Whether a stay keeps to what a unit demands, nights aside. Inlined into search, so that search
 * and booking cannot disagree; bookability() gives the same rules their names.
 *
 * Looking up a time zone costs more than all the rest, and search does this for each candidate. No
 * local date is more than two days from another one's, and no notice is longer than 14 days: a
 * check-in that is clear of both ends by so much is allowed wherever the listing is.
 */
create or replace function app_hidden.stay_keeps_restrictions(
  unit app_hidden.listing_availability, check_in date, check_out date
) returns boolean
language sql stable parallel safe
return check_out - check_in between unit.min_nights and unit.max_nights
  and (
    check_in - app_hidden.clock()::date between 17 and unit.booking_window_days - 2
    or (
      check_in - (app_hidden.clock() at time zone unit.time_zone)::date
        between 0 and unit.booking_window_days
      and (
        unit.advance_notice_hours = 0
        or (check_in + unit.check_in_from) at time zone unit.time_zone
          >= app_hidden.clock() + unit.advance_notice_hours * interval '1 hour'
      )
    )
  );

comment on function app_hidden.stay_keeps_restrictions(app_hidden.listing_availability, date, date) is
  'Whether a stay keeps to a unit''s restrictions.';
--! EndIncluded calendar/internal/stay_keeps_restrictions.sql
--! Included calendar/internal/has_free_unit.sql
/*
 * Whether some unit could take these nights: none of its live claims is in the way, holds past
 * their time aside (claim_nights would free them).
 */
create or replace function app_hidden.has_free_unit(listing_id uuid, nights daterange) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_hidden.listing_availability a
    where a.listing_id = has_free_unit.listing_id
      and (
        not a.taken && has_free_unit.nights
        or not exists (
          select from app_public.calendar_claims c
          where c.listing_id = a.listing_id and c.unit_number = a.unit_number
            and c.nights && has_free_unit.nights
            and (c.expires_at is null or c.expires_at > app_hidden.clock())
        )
      )
  )
$$;

comment on function app_hidden.has_free_unit(uuid, daterange) is
  'Whether some unit can take these nights, expired holds aside.';
--! EndIncluded calendar/internal/has_free_unit.sql
--! Included calendar/internal/free_expired_holds.sql
/*
 * Frees the nights of holds past their time on one listing, within the given nights or anywhere;
 * their bookings expire by a trigger. Returns how many. A hold whose payment is being processed has
 * no expires_at and is left alone.
 *
 * Locks: availability of the listing, unit by unit, then claims, then (by the trigger) bookings.
 */
create or replace function app_hidden.free_expired_holds(listing_id uuid, nights daterange default null)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_freed integer;
begin
  -- Mostly there is none: then nothing is locked.
  if not exists (
    select from app_public.calendar_claims c
    where c.listing_id = free_expired_holds.listing_id
      and c.expires_at <= app_hidden.clock()
      and (free_expired_holds.nights is null or c.nights && free_expired_holds.nights)
  ) then
    return 0;
  end if;

  perform from app_hidden.listing_availability a
  where a.listing_id = free_expired_holds.listing_id
  order by a.unit_number
  for update;

  delete from app_public.calendar_claims c
  where c.listing_id = free_expired_holds.listing_id
    and c.expires_at <= app_hidden.clock()
    and (free_expired_holds.nights is null or c.nights && free_expired_holds.nights);
  get diagnostics v_freed = row_count;
  return v_freed;
end
$$;

comment on function app_hidden.free_expired_holds(uuid, daterange) is
  'Frees nights of expired holds of a listing; says how many holds ended.';
--! EndIncluded calendar/internal/free_expired_holds.sql
--! Included calendar/internal/claim_nights.sql
/*
 * The one function that takes nights; every writer uses it. Returns the claim, or raises
 * DATES_UNAVAILABLE.
 *
 * Units are tried in order, so that stays pack. Where no unit is free, expired holds on these
 * nights are freed and the units tried once more: the usual loser has then read one row, and
 * written nothing. Locks: availability, then (in free_expired_holds) bookings.
 */
create or replace function app_hidden.claim_nights(
  listing_id uuid,
  nights daterange,
  kind app_public.claim_kind,
  booking_id uuid default null,
  unit_number smallint default null,
  note text default '',
  expires_at timestamptz default null
) returns app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_unit_number smallint;
begin
  for v_attempt in 1 .. 2 loop
    for v_unit_number in
      select a.unit_number from app_hidden.listing_availability a
      where a.listing_id = claim_nights.listing_id
        and a.unit_number = coalesce(claim_nights.unit_number, a.unit_number)
        and not a.taken && claim_nights.nights
      order by a.unit_number
    loop
      begin
        insert into app_public.calendar_claims
          (listing_id, unit_number, nights, kind, booking_id, note, expires_at)
        values (
          claim_nights.listing_id, v_unit_number, claim_nights.nights, claim_nights.kind,
          claim_nights.booking_id, claim_nights.note, claim_nights.expires_at
        )
        returning * into v_claim;
        return v_claim;
      exception
        -- Somebody was faster on this unit; the next one may still be free.
        when sqlstate 'SBC01' then null;
      end;
    end loop;

    exit when v_attempt = 2
      or app_hidden.free_expired_holds(claim_nights.listing_id, claim_nights.nights) = 0;
  end loop;

  raise exception 'These nights are taken.' using errcode = 'SBC01';
end
$$;

comment on function app_hidden.claim_nights(
  uuid, daterange, app_public.claim_kind, uuid, smallint, text, timestamptz
) is
  'Takes nights of the first unit that is free; DATES_UNAVAILABLE where none is.';
--! EndIncluded calendar/internal/claim_nights.sql
--! Included calendar/internal/expire_holds.sql
/*
 * The job's way of freeing holds, for listings that nobody asks for: some listings a call, in the
 * order of their ids, so that two of these cannot deadlock. Returns how many holds ended; call it
 * until that is 0.
 */
create or replace function app_private.expire_holds(listing_limit integer default 50) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_freed integer := 0;
begin
  for v_listing_id in
    select l.listing_id from (
      select distinct c.listing_id from app_public.calendar_claims c
      where c.expires_at <= app_hidden.clock()
      limit expire_holds.listing_limit
    ) l
    order by l.listing_id
  loop
    v_freed := v_freed + app_hidden.free_expired_holds(v_listing_id);
  end loop;
  return v_freed;
end
$$;

grant execute on function app_private.expire_holds(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.expire_holds(integer) is
  'Frees the nights of expired holds, some listings a call; says how many holds ended.';
--! EndIncluded calendar/internal/expire_holds.sql
--! Included calendar/internal/calendar_drift.sql
/*
 * The check that the read model tells the truth: claims of one unit never overlap, so what is taken
 * must be exactly their union. Returns the units where it is not; an empty result is the good
 * answer.
 */
create or replace function app_private.calendar_drift()
returns table (listing_id uuid, unit_number smallint, taken datemultirange, claimed datemultirange)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.listing_id, a.unit_number, a.taken, coalesce(c.claimed, '{}')
  from app_hidden.listing_availability a
  left join (
    select c.listing_id, c.unit_number, range_agg(c.nights) as claimed
    from app_public.calendar_claims c
    group by c.listing_id, c.unit_number
  ) c using (listing_id, unit_number)
  where a.taken <> coalesce(c.claimed, '{}')
$$;

grant execute on function app_private.calendar_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.calendar_drift() is
  'Units whose availability differs from their claims; none, or something is broken.';
--! EndIncluded calendar/internal/calendar_drift.sql
--! Included calendar/computed/listings_taken_nights.sql
/*
 * What a guest's date picker greys out: the nights on which no unit is free, without saying why. A
 * hold counts until it is freed.
 */
create or replace function app_public.listings_taken_nights(
  listing app_public.listings, from_date date, to_date date
) returns date[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(night order by night), '{}')
  from (
    select n::date as night
    from generate_series(
      from_date::timestamp,
      (least(to_date, from_date + 800) - 1)::timestamp,
      interval '1 day'
    ) n
    where isfinite(from_date)
  ) nights
  where not exists (
    select from app_hidden.listing_availability a
    where a.listing_id = listing.id and not a.taken @> nights.night
  )
$$;

grant execute on function app_public.listings_taken_nights(app_public.listings, date, date)
  to :DATABASE_VISITOR;

comment on function app_public.listings_taken_nights(app_public.listings, date, date) is
  'The nights from the first date to before the second (at most 800) on which no unit is free.';
--! EndIncluded calendar/computed/listings_taken_nights.sql
--! Included calendar/mutations/block_nights.sql
create or replace function app_public.block_nights(
  listing_id uuid,
  starts_on date,
  ends_before date,
  note text default '',
  unit_number integer default null
) returns setof app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
begin
  perform app_hidden.check_nights(block_nights.starts_on, block_nights.ends_before);
  v_listing := app_hidden.require_own_listing(block_nights.listing_id);
  if block_nights.unit_number not between 1 and v_listing.unit_count then
    raise exception 'The listing has units 1 to %.', v_listing.unit_count
      using errcode = 'SBG04', column = 'unit_number';
  end if;

  return query
  select c.*
  from generate_series(
    coalesce(block_nights.unit_number, 1),
    coalesce(block_nights.unit_number, v_listing.unit_count)
  ) n
  cross join lateral app_hidden.claim_nights(
    v_listing.id,
    daterange(block_nights.starts_on, block_nights.ends_before),
    'block',
    unit_number => n::smallint,
    note => coalesce(block_nights.note, '')
  ) c;
end
$$;

grant execute on function app_public.block_nights(uuid, date, date, text, integer) to :DATABASE_VISITOR;

comment on function app_public.block_nights(uuid, date, date, text, integer) is
  'Closes the nights from a day to before another, of one unit or of all; all or nothing.';
--! EndIncluded calendar/mutations/block_nights.sql
--! Included calendar/mutations/unblock_nights.sql
create or replace function app_public.unblock_nights(claim_id uuid) returns app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_claim app_public.calendar_claims;
begin
  select c.* into v_claim
  from app_public.calendar_claims c
  join app_public.listings l on l.id = c.listing_id
  where c.id = unblock_nights.claim_id and l.host_id = v_user_id;
  if v_claim.id is null then
    raise exception 'There is no such block.' using errcode = 'SBC07', column = 'claim_id';
  end if;
  if v_claim.kind <> 'block' then
    raise exception 'Only blocks can be lifted; these nights are taken by a %.', v_claim.kind
      using errcode = 'SBC07', column = 'claim_id';
  end if;
  delete from app_public.calendar_claims c where c.id = v_claim.id;
  return v_claim;
end
$$;

grant execute on function app_public.unblock_nights(uuid) to :DATABASE_VISITOR;

comment on function app_public.unblock_nights(uuid) is 'Opens nights that the host had blocked.';
--! EndIncluded calendar/mutations/unblock_nights.sql

-- pricing
--! Included pricing/tables/platform_fees.sql
/*
 * What the marketplace takes, in basis points (1/100 %) of the nights and the host's fees. The row
 * that is in force is the newest that has begun; quotes keep what they were priced with.
 */
create table if not exists app_hidden.platform_fees (
  effective_at timestamptz not null constraint platform_fees_pkey primary key,
  guest_service_fee_bps integer not null,
  host_commission_bps integer not null,

  constraint platform_fees_are_shares
    check (guest_service_fee_bps between 0 and 5000 and host_commission_bps between 0 and 5000)
);

alter table app_hidden.platform_fees enable row level security;
alter table app_hidden.platform_fees force row level security;

comment on table app_hidden.platform_fees is 'Guest service fee and host commission, by when they begin.';
--! EndIncluded pricing/tables/platform_fees.sql
--! Included pricing/tables/listing_rates.sql
/*
 * What a listing costs. The currency is here, once, and all other prices of the listing refer to
 * it.
 */
create table if not exists app_public.listing_rates (
  listing_id uuid not null
    constraint listing_rates_pkey primary key
    constraint listing_rates_listing_id_fkey references app_public.listings on delete cascade,
  currency text not null
    constraint listing_rates_currency_fkey references app_public.currencies on delete restrict,
  nightly_amount bigint not null,
  weekend_nightly_amount bigint,
  cleaning_fee_amount bigint not null default 0,
  extra_guest_fee_amount bigint not null default 0,
  guests_included smallint not null default 1,
  -- Kept by dated_rates: most listings have none, and search need not look.
  has_dated_rates boolean not null default false,

  -- Dated rates refer to both, so that they cannot be in another currency.
  constraint listing_rates_currency_key unique (listing_id, currency),
  -- The bounds keep any total far from the end of bigint: 730 nights, 16 guests, fees.
  constraint listing_rates_nightly_amount_is_positive
    check (nightly_amount between 1 and 100000000000),
  constraint listing_rates_weekend_nightly_amount_is_positive
    check (weekend_nightly_amount between 1 and 100000000000),
  constraint listing_rates_cleaning_fee_amount_is_not_negative
    check (cleaning_fee_amount between 0 and 100000000000),
  constraint listing_rates_extra_guest_fee_amount_is_not_negative
    check (extra_guest_fee_amount between 0 and 100000000000),
  constraint listing_rates_guests_included_fit check (guests_included between 1 and 16)
);

alter table app_public.listing_rates enable row level security;
alter table app_public.listing_rates force row level security;

create index if not exists listing_rates_currency_idx on app_public.listing_rates (currency);

comment on table app_public.listing_rates is 'What a listing costs, before dates are known.';
comment on column app_public.listing_rates.listing_id is 'The listing.';
comment on column app_public.listing_rates.currency is 'ISO 4217 currency of all its prices.';
comment on column app_public.listing_rates.nightly_amount is 'Base rate of a night, in minor units.';
comment on column app_public.listing_rates.weekend_nightly_amount is
  'Rate of Friday and Saturday nights, in minor units; null where it is the base rate.';
comment on column app_public.listing_rates.cleaning_fee_amount is 'Cleaning fee of a stay, in minor units.';
comment on column app_public.listing_rates.extra_guest_fee_amount is
  'Fee for each night and each guest beyond those included, in minor units.';
comment on column app_public.listing_rates.guests_included is 'How many guests the nightly rate covers.';
comment on column app_public.listing_rates.has_dated_rates is 'Whether some dates have a rate of their own.';
--! EndIncluded pricing/tables/listing_rates.sql
--! Included pricing/tables/dated_rates.sql
/*
 * Nights with a rate of their own, as ranges. They go before the weekend and the base rate.
 */
create table if not exists app_public.dated_rates (
  listing_id uuid not null,
  nights daterange not null,
  currency text not null,
  nightly_amount bigint not null,

  -- A night has one rate.
  constraint dated_rates_pkey primary key (listing_id, nights without overlaps),
  constraint dated_rates_listing_fkey foreign key (listing_id, currency)
    references app_public.listing_rates (listing_id, currency) on delete cascade,
  constraint dated_rates_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint dated_rates_nightly_amount_is_positive check (nightly_amount between 1 and 100000000000)
);

alter table app_public.dated_rates enable row level security;
alter table app_public.dated_rates force row level security;

-- Pricing reads the ranges that end after check-in, and stops at check-out: cheaper than the GiST
-- key.
create index if not exists dated_rates_listing_id_idx
  on app_public.dated_rates (listing_id, currency, upper(nights));

comment on table app_public.dated_rates is 'Nights of a listing that have a rate of their own.';
comment on column app_public.dated_rates.listing_id is 'The listing.';
comment on column app_public.dated_rates.nights is 'The nights, from the first to before the end.';
comment on column app_public.dated_rates.currency is 'ISO 4217 currency, always the listing''s.';
comment on column app_public.dated_rates.nightly_amount is 'Rate of each of these nights, in minor units.';
--! EndIncluded pricing/tables/dated_rates.sql
--! Included pricing/policies/platform_fees.sql
select app_hidden.drop_policies('app_hidden.platform_fees');
-- Read by functions only: no grant to anybody.
create policy definer_all on app_hidden.platform_fees to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded pricing/policies/platform_fees.sql
--! Included pricing/data/platform_fees.sql
insert into app_hidden.platform_fees (effective_at, guest_service_fee_bps, host_commission_bps)
values ('2000-01-01Z', 1200, 300)
on conflict (effective_at) do nothing;
--! EndIncluded pricing/data/platform_fees.sql
--! Included pricing/policies/listing_rates.sql
select app_hidden.drop_policies('app_public.listing_rates');

create policy definer_all on app_public.listing_rates to :DATABASE_OWNER using (true) with check (true);
create policy select_visible on app_public.listing_rates for select to :DATABASE_VISITOR
  using (exists (select from app_public.listings l where l.id = listing_id));
-- No insert, update or delete: set_listing_rates() knows the currency's steps.

grant select on app_public.listing_rates to :DATABASE_VISITOR;
--! EndIncluded pricing/policies/listing_rates.sql
--! Included pricing/policies/dated_rates.sql
select app_hidden.drop_policies('app_public.dated_rates');

create policy definer_all on app_public.dated_rates to :DATABASE_OWNER using (true) with check (true);
create policy select_visible on app_public.dated_rates for select to :DATABASE_VISITOR
  using (exists (select from app_public.listings l where l.id = listing_id));
-- No insert, update or delete: set_dated_rate() cuts what is there.

grant select on app_public.dated_rates to :DATABASE_VISITOR;
--! EndIncluded pricing/policies/dated_rates.sql
--! Included pricing/triggers/tg_dated_rates__flag.sql
create or replace function app_hidden.tg_dated_rates__flag() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid := coalesce(NEW.listing_id, OLD.listing_id);
  v_has boolean := TG_OP <> 'DELETE'
    or exists (select from app_public.dated_rates d where d.listing_id = v_listing_id);
begin
  update app_public.listing_rates r set has_dated_rates = v_has
  where r.listing_id = v_listing_id and r.has_dated_rates <> v_has;
  return null;
end
$$;

create or replace trigger _300_flag
  after insert or delete on app_public.dated_rates
  for each row execute function app_hidden.tg_dated_rates__flag();

comment on function app_hidden.tg_dated_rates__flag() is 'Notes on the rates whether any date has its own.';
--! EndIncluded pricing/triggers/tg_dated_rates__flag.sql
--! Included pricing/internal/require_charge_step.sql
create or replace function app_hidden.require_charge_step(
  currency text, field text, amount bigint
) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step smallint;
begin
  select c.charge_step into v_step from app_public.currencies c
  where c.code = require_charge_step.currency;
  if v_step is null then
    raise exception 'Unknown currency: use one of the query currencies, such as EUR.'
      using errcode = 'SBP05', column = 'currency';
  end if;
  if require_charge_step.amount % v_step <> 0 then
    raise exception 'Amounts in % are multiples of % minor units.', require_charge_step.currency, v_step
      using errcode = 'SBP04', column = require_charge_step.field;
  end if;
end
$$;

comment on function app_hidden.require_charge_step(text, text, bigint) is
  'UNKNOWN_CURRENCY or INVALID_AMOUNT where a card could not be charged such an amount.';
--! EndIncluded pricing/internal/require_charge_step.sql
--! Included pricing/internal/weekend_nights_before.sql
/*
 * How many Friday and Saturday nights lie between the Friday 1999-12-31 and a date: two a week, and
 * at most two of the rest. A difference of two of these counts the weekend nights of a stay without
 * walking it.
 */
create or replace function app_hidden.weekend_nights_before(night date) returns integer
language sql immutable parallel safe
return 2 * ((night - date '1999-12-31') / 7) + least((night - date '1999-12-31') % 7, 2);

comment on function app_hidden.weekend_nights_before(date) is
  'Friday and Saturday nights from 1999-12-31 to before a date (which must not be earlier).';
--! EndIncluded pricing/internal/weekend_nights_before.sql
--! Included pricing/internal/service_fee.sql
-- A share of an amount, rounded half up to what the currency can charge. Integers throughout.
create or replace function app_hidden.service_fee(amount bigint, bps integer, charge_step smallint)
returns bigint
language sql immutable parallel safe
return (amount * bps + 5000 * charge_step) / (10000 * charge_step) * charge_step;

comment on function app_hidden.service_fee(bigint, integer, smallint) is
  'A share in basis points of an amount, in minor units, rounded half up to the charge step.';
--! EndIncluded pricing/internal/service_fee.sql
--! Included pricing/internal/price_stay.sql
/*
 * The price of a stay, as parts. This one function is behind the total that search shows and behind
 * the quote that is sold, so they agree to the minor unit.
 *
 * Nights: dated rate, else weekend rate, else base rate. Base and weekend nights are counted, not
 * walked; only listings that have dated rates read them. Fees: cleaning once, extra guests by
 * night; the guest's service fee and the host's commission are shares of what the host earns before
 * them.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM. Each
 * "offset 0" keeps what is below it from being merged with what is above, or every use of an amount
 * would compute it again.
 */
create or replace function app_hidden.price_stay(
  listing_id uuid, check_in date, check_out date, guests integer
) returns table (
  currency text,
  base_nights integer,
  base_amount bigint,
  weekend_nights integer,
  weekend_amount bigint,
  dated_nights integer,
  dated_total_amount bigint,
  cleaning_fee_amount bigint,
  extra_guests integer,
  extra_guest_fee_amount bigint,
  subtotal_amount bigint,
  guest_service_fee_amount bigint,
  host_commission_amount bigint,
  total_amount bigint
)
language sql stable
as $$
  select
    p.currency, p.base_nights, p.base_amount, p.weekend_nights, p.weekend_amount,
    p.dated_nights, p.dated_total_amount, p.cleaning_fee_amount, p.extra_guests,
    p.extra_guest_fee_amount, p.subtotal_amount,
    app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step),
    app_hidden.service_fee(p.subtotal_amount, p.host_commission_bps, p.charge_step),
    p.subtotal_amount
      + app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step)
  from (
    select
      n.*,
      n.base_nights * n.base_amount + n.weekend_nights * n.weekend_amount + n.dated_total_amount
        + n.cleaning_fee_amount
        + n.extra_guest_fee_amount * n.extra_guests * (price_stay.check_out - price_stay.check_in)
        as subtotal_amount
    from (
      select
        r.currency,
        r.nightly_amount as base_amount,
        coalesce(r.weekend_nightly_amount, r.nightly_amount) as weekend_amount,
        (price_stay.check_out - price_stay.check_in - s.weekend_nights
          - coalesce(d.nights - d.weekend_nights, 0))::integer as base_nights,
        (s.weekend_nights - coalesce(d.weekend_nights, 0))::integer as weekend_nights,
        coalesce(d.nights, 0)::integer as dated_nights,
        coalesce(d.total_amount, 0)::bigint as dated_total_amount,
        r.cleaning_fee_amount,
        greatest(price_stay.guests - r.guests_included, 0) as extra_guests,
        r.extra_guest_fee_amount,
        -- Steps are 1 or 10 (see currencies): the few tens are read once a query, not once a
        -- listing.
        case
          when r.currency = any (
            array(select c.code from app_public.currencies c where c.charge_step = 10)
          ) then 10::smallint
          else 1::smallint
        end as charge_step,
        (select f.guest_service_fee_bps from app_hidden.platform_fees f
          where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
        ) as guest_service_fee_bps,
        (select f.host_commission_bps from app_hidden.platform_fees f
          where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
        ) as host_commission_bps
      from app_public.listing_rates r
      cross join (
        select app_hidden.weekend_nights_before(price_stay.check_out)
          - app_hidden.weekend_nights_before(price_stay.check_in) as weekend_nights
      ) s
      left join lateral (
        select
          sum(o.ends - o.starts) as nights,
          sum(app_hidden.weekend_nights_before(o.ends) - app_hidden.weekend_nights_before(o.starts))
            as weekend_nights,
          sum(o.nightly_amount * (o.ends - o.starts)) as total_amount
        from (
          select
            d.nightly_amount,
            greatest(lower(d.nights), price_stay.check_in) as starts,
            least(upper(d.nights), price_stay.check_out) as ends
          from app_public.dated_rates d
          where r.has_dated_rates
            and d.listing_id = r.listing_id
            and d.currency = r.currency
            and upper(d.nights) > price_stay.check_in
            and lower(d.nights) < price_stay.check_out
        ) o
      ) d on true
      where r.listing_id = price_stay.listing_id
      offset 0
    ) n
    offset 0
  ) p
$$;

comment on function app_hidden.price_stay(uuid, date, date, integer) is
  'The price of a stay in minor units, as parts; no row where the listing has no rates.';
--! EndIncluded pricing/internal/price_stay.sql
--! Included pricing/internal/price_line.sql
/*
 * A line of a quote before it is stored. payer and payee say who owes it to whom, so that any total
 * is a sum: the guest pays the sum of the lines whose payer is guest.
 */
do $$
begin
  create type app_public.party as enum ('guest', 'host', 'platform');
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.price_line as (
    code text,
    rule text,
    currency text,
    unit_amount bigint,
    quantity integer,
    amount bigint,
    payer app_public.party,
    payee app_public.party
  );
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.stay_price as (
    listing_id uuid,
    check_in date,
    check_out date,
    guests integer,
    nights integer,
    currency text,
    total_amount bigint,
    host_amount bigint,
    line_items app_public.price_line[]
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.party is 'Who pays or receives money: guest, host, or the platform.';
comment on type app_public.price_line is 'A line item: its amount is the unit amount times the quantity, in minor units.';
comment on column app_public.price_line.code is
  'What is paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.price_line.rule is
  'The rule that made the price: base_rate, weekend_rate, dated_rate, cleaning_fee, extra_guest_fee, or a share such as 12.00%.';
comment on column app_public.price_line.currency is 'ISO 4217 currency.';
comment on column app_public.price_line.unit_amount is 'Price of one, in minor units.';
comment on column app_public.price_line.quantity is 'How many.';
comment on column app_public.price_line.amount is 'Unit amount times quantity, in minor units.';
comment on column app_public.price_line.payer is 'Who pays it.';
comment on column app_public.price_line.payee is 'Who receives it.';
comment on type app_public.stay_price is 'What a stay costs now; not an offer, which a quote is.';
comment on column app_public.stay_price.listing_id is 'The listing.';
comment on column app_public.stay_price.check_in is 'First night, local date.';
comment on column app_public.stay_price.check_out is 'Day of leaving, local date.';
comment on column app_public.stay_price.guests is 'How many people stay.';
comment on column app_public.stay_price.nights is 'Number of nights.';
comment on column app_public.stay_price.currency is 'ISO 4217 currency.';
comment on column app_public.stay_price.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.stay_price.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.stay_price.line_items is 'What the total is made of.';
--! EndIncluded pricing/internal/price_line.sql
--! Included pricing/internal/price_lines.sql
/*
 * The line items of a stay. Nights at the same rate by the same rule are one line; a share is one
 * line of quantity 1.
 */
create or replace function app_hidden.price_lines(
  listing_id uuid, check_in date, check_out date, guests integer
) returns setof app_public.price_line
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with price as (
    select * from app_hidden.price_stay(
      price_lines.listing_id, price_lines.check_in, price_lines.check_out, price_lines.guests
    )
  ),
  fees as (
    select * from app_hidden.platform_fees f
    where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
  ),
  lines (position, code, rule, unit_amount, quantity, payer, payee) as (
    select 1, 'nights', 'base_rate', p.base_amount, p.base_nights, 'guest', 'host' from price p
    union all
    select 2, 'nights', 'weekend_rate', p.weekend_amount, p.weekend_nights, 'guest', 'host' from price p
    union all
    select 3, 'nights', 'dated_rate', d.nightly_amount, sum(
      least(upper(d.nights), price_lines.check_out) - greatest(lower(d.nights), price_lines.check_in)
    )::integer, 'guest', 'host'
    from app_public.dated_rates d
    where d.listing_id = price_lines.listing_id
      and d.nights && daterange(price_lines.check_in, price_lines.check_out)
    group by d.nightly_amount
    union all
    select 4, 'cleaning_fee', 'cleaning_fee', p.cleaning_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 5, 'extra_guest_fee', 'extra_guest_fee', p.extra_guest_fee_amount,
      p.extra_guests * (price_lines.check_out - price_lines.check_in), 'guest', 'host' from price p
    union all
    select 6, 'guest_service_fee', round(f.guest_service_fee_bps / 100.0, 2) || '%',
      p.guest_service_fee_amount, 1, 'guest', 'platform' from price p, fees f
    union all
    select 7, 'host_commission', round(f.host_commission_bps / 100.0, 2) || '%',
      p.host_commission_amount, 1, 'host', 'platform' from price p, fees f
  )
  select l.code, l.rule, p.currency, l.unit_amount, l.quantity, l.unit_amount * l.quantity,
    l.payer::app_public.party, l.payee::app_public.party
  from lines l, price p
  where l.unit_amount * l.quantity > 0
  order by l.position, l.unit_amount
$$;

comment on function app_hidden.price_lines(uuid, date, date, integer) is 'The line items of a stay.';
--! EndIncluded pricing/internal/price_lines.sql
--! Included pricing/internal/bookability_reason.sql
do $$
begin
  create type app_public.bookability_reason as (code text, rule text);
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.bookability_reason is 'Why a stay cannot be booked.';
comment on column app_public.bookability_reason.code is
  'not_published, not_instant, no_rates, in_the_past, min_nights, max_nights, booking_window, advance_notice, too_many_guests, nights_taken.';
comment on column app_public.bookability_reason.rule is 'The listing''s rule that made it, such as "3" for min_nights.';
--! EndIncluded pricing/internal/bookability_reason.sql
--! Included pricing/tables/quotes.sql
/*
 * A priced offer for one stay, to one person, for half an hour. It is booked as it stands; a sold
 * price is never computed again, so a quote that was booked stays for ever.
 */
create table if not exists app_public.quotes (
  id uuid not null default uuidv7() constraint quotes_pkey primary key,
  listing_id uuid not null
    constraint quotes_listing_id_fkey references app_public.listings on delete restrict,
  guest_id uuid not null
    constraint quotes_guest_id_fkey references app_public.users on delete restrict,
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint quotes_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '30 minutes',

  -- Line items refer to both, so that they cannot be in another currency.
  constraint quotes_currency_key unique (id, currency),
  constraint quotes_stay_is_ordered check (check_in < check_out),
  constraint quotes_guests_are_positive check (guests > 0),
  -- M7, first half: the shares are the whole. The line items are compared at commit.
  constraint quotes_shares_sum check (host_amount + platform_amount = total_amount),
  constraint quotes_amounts_are_not_negative
    check (total_amount > 0 and host_amount >= 0 and platform_amount >= 0)
);

alter table app_public.quotes enable row level security;
alter table app_public.quotes force row level security;

create index if not exists quotes_guest_id_idx on app_public.quotes (guest_id, id);
create index if not exists quotes_listing_id_idx on app_public.quotes (listing_id);
create index if not exists quotes_currency_idx on app_public.quotes (currency);

-- A price stands, for every role.
create or replace trigger _100_append_only
  before update of id, listing_id, guest_id, check_in, check_out, guests, currency,
    total_amount, host_amount, platform_amount
  on app_public.quotes
  for each row execute function app_hidden.tg__append_only();

comment on table app_public.quotes is 'A priced offer for one stay that can be booked until it expires.';
comment on column app_public.quotes.id is 'Public id of the quote, by which it is booked.';
comment on column app_public.quotes.listing_id is 'The listing.';
comment on column app_public.quotes.guest_id is 'To whom it is offered.';
comment on column app_public.quotes.check_in is 'First night, local date.';
comment on column app_public.quotes.check_out is 'Day of leaving, local date.';
comment on column app_public.quotes.guests is 'How many people stay.';
comment on column app_public.quotes.currency is 'ISO 4217 currency.';
comment on column app_public.quotes.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.quotes.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.quotes.platform_amount is 'What the platform earns of it, in minor units.';
comment on column app_public.quotes.created_at is 'When it was made.';
comment on column app_public.quotes.expires_at is 'Until when it can be booked.';
--! EndIncluded pricing/tables/quotes.sql
--! Included pricing/tables/quote_line_items.sql
create table if not exists app_public.quote_line_items (
  quote_id uuid not null,
  position smallint not null,
  code text not null,
  rule text not null,
  currency text not null,
  unit_amount bigint not null,
  quantity integer not null,
  amount bigint not null,
  payer app_public.party not null,
  payee app_public.party not null,

  constraint quote_line_items_pkey primary key (quote_id, position),
  constraint quote_line_items_quote_fkey foreign key (quote_id, currency)
    references app_public.quotes (id, currency) on delete cascade,
  constraint quote_line_items_amount_is_product check (amount = unit_amount * quantity and amount > 0),
  constraint quote_line_items_parties_differ check (payer <> payee)
);

alter table app_public.quote_line_items enable row level security;
alter table app_public.quote_line_items force row level security;

create index if not exists quote_line_items_quote_idx
  on app_public.quote_line_items (quote_id, currency);

create or replace trigger _100_append_only
  before update on app_public.quote_line_items
  for each row execute function app_hidden.tg__append_only();

comment on table app_public.quote_line_items is 'A line of a quote; the lines sum to its amounts.';
comment on column app_public.quote_line_items.quote_id is 'The quote.';
comment on column app_public.quote_line_items.position is 'Order within the quote, from 1.';
comment on column app_public.quote_line_items.code is
  'What is paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.quote_line_items.rule is 'The rule that made the price.';
comment on column app_public.quote_line_items.currency is 'ISO 4217 currency.';
comment on column app_public.quote_line_items.unit_amount is 'Price of one, in minor units.';
comment on column app_public.quote_line_items.quantity is 'How many.';
comment on column app_public.quote_line_items.amount is 'Unit amount times quantity, in minor units.';
comment on column app_public.quote_line_items.payer is 'Who pays it.';
comment on column app_public.quote_line_items.payee is 'Who receives it.';
--! EndIncluded pricing/tables/quote_line_items.sql
--! Included pricing/policies/quote_line_items.sql
select app_hidden.drop_policies('app_public.quote_line_items');

create policy definer_all on app_public.quote_line_items to :DATABASE_OWNER using (true) with check (true);
-- Whoever sees the quote sees its lines.
create policy select_visible on app_public.quote_line_items for select to :DATABASE_VISITOR
  using (exists (select from app_public.quotes q where q.id = quote_id));

grant select on app_public.quote_line_items to :DATABASE_VISITOR;
--! EndIncluded pricing/policies/quote_line_items.sql
--! Included pricing/triggers/tg_quotes__line_items_sum.sql
/*
 * M7: line items sum to the quote's amounts. Checked at commit, for the quote comes before its
 * lines.
 */
create or replace function app_hidden.tg_quotes__line_items_sum() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_quote_id uuid;
  v_quote app_public.quotes;
  v_total bigint;
  v_host bigint;
begin
  if TG_TABLE_NAME = 'quotes' then
    v_quote_id := NEW.id;
  elsif TG_OP = 'DELETE' then
    v_quote_id := OLD.quote_id;
  else
    v_quote_id := NEW.quote_id;
  end if;
  select q.* into v_quote from app_public.quotes q where q.id = v_quote_id;
  if v_quote.id is null then
    return null;
  end if;
  select
    sum(i.amount) filter (where i.payer = 'guest'),
    sum(case when i.payee = 'host' then i.amount when i.payer = 'host' then -i.amount else 0 end)
  into v_total, v_host
  from app_public.quote_line_items i where i.quote_id = v_quote_id;
  if v_total is distinct from v_quote.total_amount or v_host is distinct from v_quote.host_amount then
    raise exception 'The line items do not sum to the quote.' using errcode = 'SBM01';
  end if;
  return null;
end
$$;

drop trigger if exists _900_line_items_sum on app_public.quotes;
create constraint trigger _900_line_items_sum
  after insert or update on app_public.quotes
  deferrable initially deferred
  for each row execute function app_hidden.tg_quotes__line_items_sum();

drop trigger if exists _900_line_items_sum on app_public.quote_line_items;
create constraint trigger _900_line_items_sum
  after insert or update or delete on app_public.quote_line_items
  deferrable initially deferred
  for each row execute function app_hidden.tg_quotes__line_items_sum();

comment on function app_hidden.tg_quotes__line_items_sum() is
  'Refuses to commit a quote whose line items do not sum to its amounts.';
--! EndIncluded pricing/triggers/tg_quotes__line_items_sum.sql
--! Included pricing/queries/bookability.sql
/*
 * Every reason why a stay cannot be booked, not only the first: a client shows them all. An empty
 * answer means that it can be booked now. Expired holds that nobody has freed yet do not count as
 * taken.
 */
create or replace function app_public.bookability(
  listing_id uuid, check_in date, check_out date, guests integer
) returns setof app_public.bookability_reason
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_today date;
  v_nights integer;
begin
  perform app_hidden.check_stay(bookability.check_in, bookability.check_out, bookability.guests);
  v_nights := bookability.check_out - bookability.check_in;
  select l.* into v_listing from app_public.listings l where l.id = bookability.listing_id;
  if v_listing.id is null or (
    v_listing.status <> 'published'
    and v_listing.host_id is distinct from app_public.current_user_id()
  ) then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  v_today := (app_hidden.clock() at time zone v_listing.time_zone)::date;

  return query
  select r.code, r.rule
  from (values
    ('not_published', v_listing.status <> 'published', v_listing.status::text),
    -- Until hosts can answer requests, these cannot be booked by anybody.
    ('not_instant', v_listing.booking_mode <> 'instant', v_listing.booking_mode::text),
    ('no_rates', not exists (
      select from app_public.listing_rates lr where lr.listing_id = v_listing.id
    ), null),
    ('in_the_past', bookability.check_in < v_today, v_today::text),
    ('min_nights', v_nights < v_listing.min_nights, v_listing.min_nights::text),
    ('max_nights', v_nights > v_listing.max_nights, v_listing.max_nights::text),
    ('booking_window', bookability.check_in > v_today + v_listing.booking_window_days,
      v_listing.booking_window_days::text),
    ('advance_notice', v_listing.advance_notice_hours > 0
      and (bookability.check_in + v_listing.check_in_from) at time zone v_listing.time_zone
        < app_hidden.clock() + v_listing.advance_notice_hours * interval '1 hour',
      v_listing.advance_notice_hours::text),
    ('too_many_guests', bookability.guests > v_listing.max_guests, v_listing.max_guests::text),
    ('nights_taken', not app_hidden.has_free_unit(
      v_listing.id,
      app_hidden.claim_window(
        bookability.check_in, bookability.check_out, v_listing.preparation_days
      )
    ), null)
  ) as r (code, applies, rule)
  where r.applies;
end
$$;

grant execute on function app_public.bookability(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.bookability(uuid, date, date, integer) is
  'Every reason why a stay cannot be booked; empty when it can.';
--! EndIncluded pricing/queries/bookability.sql
--! Included pricing/internal/require_bookable.sql
/*
 * The first reason of bookability(), as an error. Every reason has a code of its own in the
 * registry, so that a client can put the message next to the right field.
 */
create or replace function app_hidden.require_bookable(
  listing_id uuid, check_in date, check_out date, guests integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.bookability_reason;
begin
  select * into v_reason from app_public.bookability(
    require_bookable.listing_id, require_bookable.check_in, require_bookable.check_out,
    require_bookable.guests
  ) limit 1;
  case v_reason.code
    when 'not_published' then
      raise exception 'This listing is not open for bookings.' using errcode = 'SBL01', column = 'listing_id';
    when 'not_instant' then
      raise exception 'This host takes requests, which cannot be booked at once.'
        using errcode = 'SBB05', column = 'listing_id';
    when 'no_rates' then
      raise exception 'This listing has no rates.' using errcode = 'SBP06', column = 'listing_id';
    when 'in_the_past' then
      raise exception 'Check-in is in the past: there it is already %.', v_reason.rule
        using errcode = 'SBC03', column = 'check_in';
    when 'min_nights' then
      raise exception 'A stay here has at least % nights.', v_reason.rule
        using errcode = 'SBC08', column = 'check_out';
    when 'max_nights' then
      raise exception 'A stay here has at most % nights.', v_reason.rule
        using errcode = 'SBC04', column = 'check_out';
    when 'booking_window' then
      raise exception 'Stays can begin at most % days from now.', v_reason.rule
        using errcode = 'SBC09', column = 'check_in';
    when 'advance_notice' then
      raise exception 'The host needs % hours of notice.', v_reason.rule
        using errcode = 'SBC10', column = 'check_in';
    when 'too_many_guests' then
      raise exception 'At most % guests fit.', v_reason.rule using errcode = 'SBC05', column = 'guests';
    when 'nights_taken' then
      raise exception 'These nights are taken.' using errcode = 'SBC01', column = 'check_in';
    else null;
  end case;
end
$$;

comment on function app_hidden.require_bookable(uuid, date, date, integer) is
  'Raises the first reason why a stay cannot be booked.';
--! EndIncluded pricing/internal/require_bookable.sql
--! Included pricing/queries/quote.sql
create or replace function app_public.quote(
  listing_id uuid, check_in date, check_out date, guests integer
) returns app_public.stay_price
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price app_public.stay_price;
begin
  perform app_hidden.require_bookable(
    quote.listing_id, quote.check_in, quote.check_out, quote.guests
  );
  select
    quote.listing_id, quote.check_in, quote.check_out, quote.guests,
    quote.check_out - quote.check_in,
    min(l.currency),
    sum(l.amount) filter (where l.payer = 'guest'),
    sum(case when l.payee = 'host' then l.amount when l.payer = 'host' then -l.amount else 0 end),
    array_agg(l)
  into v_price
  from app_hidden.price_lines(quote.listing_id, quote.check_in, quote.check_out, quote.guests) l;
  return v_price;
end
$$;

grant execute on function app_public.quote(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.quote(uuid, date, date, integer) is
  'What a stay costs now, with line items that sum to the total. It is not an offer; to book, create a quote.';
--! EndIncluded pricing/queries/quote.sql
--! Included pricing/mutations/set_listing_rates.sql
create or replace function app_public.set_listing_rates(
  listing_id uuid,
  currency text,
  nightly_amount bigint,
  weekend_nightly_amount bigint default null,
  cleaning_fee_amount bigint default 0,
  extra_guest_fee_amount bigint default 0,
  guests_included integer default 1
) returns app_public.listing_rates
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(set_listing_rates.listing_id);
  v_rates app_public.listing_rates;
  v_field record;
begin
  for v_field in
    select * from (values
      ('nightly_amount', set_listing_rates.nightly_amount, 1),
      ('weekend_nightly_amount', set_listing_rates.weekend_nightly_amount, 1),
      ('cleaning_fee_amount', set_listing_rates.cleaning_fee_amount, 0),
      ('extra_guest_fee_amount', set_listing_rates.extra_guest_fee_amount, 0)
    ) as f (name, amount, least_amount)
  loop
    perform app_hidden.require_charge_step(
      set_listing_rates.currency, v_field.name, v_field.amount
    );
    if v_field.amount not between v_field.least_amount and 100000000000 then
      raise exception '% is at least % and at most 100000000000 minor units.',
        v_field.name, v_field.least_amount
        using errcode = 'SBP04', column = v_field.name;
    end if;
  end loop;
  if set_listing_rates.nightly_amount is null then
    raise exception 'A nightly rate is needed.' using errcode = 'SBP04', column = 'nightly_amount';
  end if;

  -- Dated rates are in the old currency; they would become wrong, so they have to go first.
  if exists (
    select from app_public.dated_rates d
    where d.listing_id = v_listing.id and d.currency <> set_listing_rates.currency
  ) then
    raise exception 'Clear the dated rates before changing the currency.'
      using errcode = 'SBP05', column = 'currency';
  end if;

  insert into app_public.listing_rates (
    listing_id, currency, nightly_amount, weekend_nightly_amount,
    cleaning_fee_amount, extra_guest_fee_amount, guests_included
  )
  values (
    v_listing.id, set_listing_rates.currency, set_listing_rates.nightly_amount,
    set_listing_rates.weekend_nightly_amount, coalesce(set_listing_rates.cleaning_fee_amount, 0),
    coalesce(set_listing_rates.extra_guest_fee_amount, 0),
    coalesce(set_listing_rates.guests_included, 1)
  )
  on conflict on constraint listing_rates_pkey do update
    set currency = excluded.currency, nightly_amount = excluded.nightly_amount,
        weekend_nightly_amount = excluded.weekend_nightly_amount,
        cleaning_fee_amount = excluded.cleaning_fee_amount,
        extra_guest_fee_amount = excluded.extra_guest_fee_amount,
        guests_included = excluded.guests_included
  returning * into v_rates;
  return v_rates;
end
$$;

grant execute on function app_public.set_listing_rates(uuid, text, bigint, bigint, bigint, bigint, integer)
  to :DATABASE_VISITOR;

comment on function app_public.set_listing_rates(uuid, text, bigint, bigint, bigint, bigint, integer) is
  'Prices a listing, replacing all its rates: what is left out is no fee, no weekend rate, one guest included. Amounts are in minor units of the currency. Quotes already made keep their price.';
--! EndIncluded pricing/mutations/set_listing_rates.sql
--! Included pricing/mutations/set_dated_rate.sql
/*
 * Prices a range of nights. Ranges that are there are cut where the new one lies; a null amount
 * only cuts. The host's listing row is locked first, so two edits of one listing queue up.
 */
create or replace function app_public.set_dated_rate(
  listing_id uuid, starts_on date, ends_before date, nightly_amount bigint default null
) returns setof app_public.dated_rates
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_currency text;
  v_nights daterange;
begin
  perform app_hidden.check_nights(set_dated_rate.starts_on, set_dated_rate.ends_before);
  v_listing := app_hidden.require_own_listing(set_dated_rate.listing_id);
  v_nights := daterange(set_dated_rate.starts_on, set_dated_rate.ends_before);

  select r.currency into v_currency from app_public.listing_rates r where r.listing_id = v_listing.id;
  if v_currency is null then
    raise exception 'Set the listing''s rates first.' using errcode = 'SBP06', column = 'listing_id';
  end if;
  perform app_hidden.require_charge_step(v_currency, 'nightly_amount', set_dated_rate.nightly_amount);
  if set_dated_rate.nightly_amount not between 1 and 100000000000 then
    raise exception 'nightly_amount is at least 1 and at most 100000000000 minor units.'
      using errcode = 'SBP04', column = 'nightly_amount';
  end if;

  with cut as (
    delete from app_public.dated_rates d
    where d.listing_id = v_listing.id and d.nights && v_nights
    returning d.*
  )
  insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
  select c.listing_id, rest, c.currency, c.nightly_amount
  from cut c
  cross join lateral unnest(datemultirange(c.nights) - datemultirange(v_nights)) rest;

  if set_dated_rate.nightly_amount is not null then
    insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
    values (v_listing.id, v_nights, v_currency, set_dated_rate.nightly_amount);
  end if;

  return query
  select d.* from app_public.dated_rates d
  where d.listing_id = v_listing.id
    and d.nights && daterange(set_dated_rate.starts_on - 1, set_dated_rate.ends_before + 1)
  order by d.nights;
end
$$;

grant execute on function app_public.set_dated_rate(uuid, date, date, bigint) to :DATABASE_VISITOR;

comment on function app_public.set_dated_rate(uuid, date, date, bigint) is
  'Gives the nights from a day to before another a rate of their own, in minor units; without an amount, takes it back. Returns the dated rates around it.';
--! EndIncluded pricing/mutations/set_dated_rate.sql
--! Included pricing/mutations/create_quote.sql
create or replace function app_public.create_quote(
  listing_id uuid, check_in date, check_out date, guests integer
) returns app_public.quotes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_price app_public.stay_price;
  v_quote app_public.quotes;
begin
  if exists (
    select from app_public.listings l
    where l.id = create_quote.listing_id and l.host_id = v_user_id
  ) then
    raise exception 'Hosts do not book their own listing; block the nights instead.'
      using errcode = 'SBB04', column = 'listing_id';
  end if;

  v_price := app_public.quote(
    create_quote.listing_id, create_quote.check_in, create_quote.check_out, create_quote.guests
  );
  -- Stripe takes amounts of eight digits at most.
  if v_price.total_amount > 99999999 then
    raise exception 'The total is more than a card can be charged at once.' using errcode = 'SBP04';
  end if;
  if v_price.total_amount < (
    select c.minimum_charge_amount from app_public.currencies c where c.code = v_price.currency
  ) then
    raise exception 'The total is less than a card can be charged.' using errcode = 'SBP04';
  end if;

  insert into app_public.quotes (
    listing_id, guest_id, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount
  )
  values (
    v_price.listing_id, v_user_id, v_price.check_in, v_price.check_out, v_price.guests,
    v_price.currency, v_price.total_amount, v_price.host_amount,
    v_price.total_amount - v_price.host_amount
  )
  returning * into v_quote;

  insert into app_public.quote_line_items (
    quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
  )
  select v_quote.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
    i.payer, i.payee
  from unnest(v_price.line_items) with ordinality
    i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

grant execute on function app_public.create_quote(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.create_quote(uuid, date, date, integer) is
  'Prices a stay and keeps the offer for 30 minutes, to be booked as it stands.';
--! EndIncluded pricing/mutations/create_quote.sql

-- publishing: what a listing needs from the domains above before guests may see it
--! Included publishing/internal/missing_for_publication.sql
/*
 * What a listing lacks before guests may see it, as codes that a form can show next to its fields.
 */
create or replace function app_hidden.missing_for_publication(listing app_public.listings)
returns text[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select array_remove(array[
    case when length(btrim(listing.title)) < 5 then 'title' end,
    case when length(btrim(listing.description)) < 20 then 'description' end,
    case when coalesce(btrim(listing.house_rules), '') = '' then 'house_rules' end,
    case when listing.public_longitude is null then 'address' end,
    case when not exists (
      select from app_public.listing_photos p where p.listing_id = listing.id
    ) then 'photo' end,
    case when not exists (
      select from app_public.listing_rates r where r.listing_id = listing.id
    ) then 'rates' end,
    case when not exists (
      select from app_public.user_contacts c
      where c.user_id = listing.host_id and c.email_verified_at is not null
    ) then 'verified_email' end
  ], null)
$$;

comment on function app_hidden.missing_for_publication(app_public.listings) is
  'What a listing lacks before it can be published; empty when nothing.';
--! EndIncluded publishing/internal/missing_for_publication.sql
--! Included publishing/computed/listings_missing_for_publication.sql
create or replace function app_public.listings_missing_for_publication(listing app_public.listings)
returns text[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if listing.host_id is distinct from app_public.current_user_id() then
    return null;
  end if;
  return app_hidden.missing_for_publication(listing);
end
$$;

grant execute on function app_public.listings_missing_for_publication(app_public.listings)
  to :DATABASE_VISITOR;

comment on function app_public.listings_missing_for_publication(app_public.listings) is
  'For its host: what the listing lacks before it can be published (title, description, house_rules, address, photo, rates, verified_email).';
--! EndIncluded publishing/computed/listings_missing_for_publication.sql
--! Included publishing/mutations/publish_listing.sql
create or replace function app_public.publish_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(publish_listing.listing_id);
  v_missing text[] := app_hidden.missing_for_publication(v_listing);
begin
  if v_listing.status not in ('draft', 'paused', 'published') then
    raise exception 'A listing that is % cannot be published.', v_listing.status
      using errcode = 'SBL03', column = 'listing_id';
  end if;
  if cardinality(v_missing) > 0 then
    raise exception 'The listing is not complete yet: % missing.', array_to_string(v_missing, ', ')
      using errcode = 'SBL02', column = 'listing_id', detail = to_jsonb(v_missing)::text;
  end if;

  update app_public.listings l
  set status = 'published', published_at = coalesce(l.published_at, app_hidden.clock())
  where l.id = v_listing.id
  returning * into v_listing;
  return v_listing;
end
$$;

grant execute on function app_public.publish_listing(uuid) to :DATABASE_VISITOR;

comment on function app_public.publish_listing(uuid) is
  'Shows a complete listing to everybody. LISTING_INCOMPLETE names what is missing.';
--! EndIncluded publishing/mutations/publish_listing.sql
--! Included publishing/mutations/pause_listing.sql
create or replace function app_public.pause_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(pause_listing.listing_id);
begin
  if v_listing.status not in ('published', 'paused') then
    raise exception 'Only a published listing can be paused; this one is %.', v_listing.status
      using errcode = 'SBL03', column = 'listing_id';
  end if;
  update app_public.listings l set status = 'paused' where l.id = v_listing.id
  returning * into v_listing;
  return v_listing;
end
$$;

grant execute on function app_public.pause_listing(uuid) to :DATABASE_VISITOR;

comment on function app_public.pause_listing(uuid) is
  'Takes a listing out of search until it is published again; existing bookings stay.';
--! EndIncluded publishing/mutations/pause_listing.sql
--! Included publishing/mutations/archive_listing.sql
create or replace function app_public.archive_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(archive_listing.listing_id);
begin
  update app_public.listings l set status = 'archived' where l.id = v_listing.id
  returning * into v_listing;
  return v_listing;
end
$$;

grant execute on function app_public.archive_listing(uuid) to :DATABASE_VISITOR;

comment on function app_public.archive_listing(uuid) is
  'Hides a listing for good; existing bookings stay. There is no way back.';
--! EndIncluded publishing/mutations/archive_listing.sql
--! Included publishing/triggers/tg_listings__stay_complete.sql
/*
 * What guests see stays complete: an edit of a published listing may not take away what publishing
 * asked for. What it lacked before (an imported listing has no rules) it may go on lacking.
 */
create or replace function app_hidden.tg_listings__stay_complete() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_missing text[] := app_hidden.missing_for_publication(NEW);
begin
  if not v_missing <@ app_hidden.missing_for_publication(OLD) then
    raise exception 'A published listing keeps what it needs: % would be missing. Pause it first.',
      array_to_string(v_missing, ', ')
      using errcode = 'SBL02', detail = to_jsonb(v_missing)::text;
  end if;
  return NEW;
end
$$;

create or replace trigger _200_stay_complete
  before update of title, description, house_rules on app_public.listings
  for each row when (OLD.status = 'published' and NEW.status = 'published')
  execute function app_hidden.tg_listings__stay_complete();

comment on function app_hidden.tg_listings__stay_complete() is
  'Refuses edits that would leave a published listing incomplete.';
--! EndIncluded publishing/triggers/tg_listings__stay_complete.sql
--! Included publishing/triggers/tg_listing_photos__keep_one.sql
-- The last photo of a published listing stays; add another first, or pause the listing.
create or replace function app_hidden.tg_listing_photos__keep_one() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.listings l
    where l.id = OLD.listing_id and l.status = 'published'
    for no key update
  ) and not exists (
    select from app_public.listing_photos p where p.listing_id = OLD.listing_id
  ) then
    raise exception 'A published listing keeps a photo: add another first, or pause the listing.'
      using errcode = 'SBL02', detail = '["photo"]';
  end if;
  return null;
end
$$;

create or replace trigger _300_keep_one
  after delete on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__keep_one();

comment on function app_hidden.tg_listing_photos__keep_one() is
  'Refuses to delete the last photo of a published listing.';
--! EndIncluded publishing/triggers/tg_listing_photos__keep_one.sql

-- bookings
--! Included bookings/tables/bookings.sql
/*
 * A stay sold or being sold. Its price is its quote's and never computed again; its nights are its
 * claim's. Dates are local to the listing.
 */
do $$
begin
  create type app_public.booking_status as enum (
    'pending_payment', 'requested', 'confirmed', 'completed', 'expired', 'declined', 'cancelled'
  );
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create type app_public.booking_actor as enum ('guest', 'host', 'operator', 'system');
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.bookings (
  id uuid not null default uuidv7() constraint bookings_pkey primary key,
  listing_id uuid not null
    constraint bookings_listing_id_fkey references app_public.listings on delete restrict,
  unit_number smallint not null,
  -- The host at the time of booking: money and messages go to them whoever owns the listing later.
  host_id uuid not null
    constraint bookings_host_id_fkey references app_public.users on delete restrict,
  guest_id uuid not null
    constraint bookings_guest_id_fkey references app_public.users on delete restrict,
  quote_id uuid not null
    constraint bookings_quote_id_fkey references app_public.quotes on delete restrict,
  idempotency_key text not null,
  status app_public.booking_status not null default 'pending_payment',
  status_actor app_public.booking_actor not null default 'guest',
  status_reason text not null default '',
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint bookings_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  cancellation_policy app_public.cancellation_policy not null,
  time_zone text not null,
  hold_expires_at timestamptz not null,
  confirmed_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  -- A quote is sold once.
  constraint bookings_quote_id_key unique (quote_id),
  -- A request that is repeated finds what it made the first time.
  constraint bookings_idempotency_key_key unique (guest_id, idempotency_key),
  constraint bookings_idempotency_key_has_length check (length(idempotency_key) between 8 and 200),
  constraint bookings_stay_is_ordered check (check_in < check_out),
  constraint bookings_guests_are_positive check (guests > 0),
  constraint bookings_guest_is_not_host check (guest_id <> host_id),
  constraint bookings_shares_sum check (host_amount + platform_amount = total_amount),
  constraint bookings_amounts_are_not_negative
    check (total_amount > 0 and host_amount >= 0 and platform_amount >= 0)
);

alter table app_public.bookings enable row level security;
alter table app_public.bookings force row level security;

-- A guest's and a host's own bookings, newest first.
create index if not exists bookings_guest_id_idx on app_public.bookings (guest_id, id);
create index if not exists bookings_host_id_idx on app_public.bookings (host_id, id);
create index if not exists bookings_listing_id_idx on app_public.bookings (listing_id, check_in);
create index if not exists bookings_currency_idx on app_public.bookings (currency);
-- complete_stays() walks confirmed bookings whose end has come.
create index if not exists bookings_to_complete_idx on app_public.bookings (check_out)
  where status = 'confirmed';

create or replace trigger _100_touch
  before update on app_public.bookings
  for each row execute function app_hidden.tg__touch();

-- N2, one half: a claim of a booking has its booking. Deferred, for the guard row is taken first
-- and the booking written after.
do $$
begin
  alter table app_public.calendar_claims
    add constraint calendar_claims_booking_id_fkey foreign key (booking_id)
    references app_public.bookings (id) on delete restrict deferrable initially deferred;
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.booking_status is
  'Pending payment holds the nights; requested waits for the host; confirmed is sold; completed is after check-out.';
comment on type app_public.booking_actor is 'Who made a booking change.';
comment on table app_public.bookings is 'A stay, for its guest and its host.';
comment on column app_public.bookings.id is 'Public id of the booking.';
comment on column app_public.bookings.listing_id is 'Where the guest stays.';
comment on column app_public.bookings.unit_number is 'Which of the listing''s identical units, from 1.';
comment on column app_public.bookings.host_id is 'Who offers the stay.';
comment on column app_public.bookings.guest_id is 'Who stays.';
comment on column app_public.bookings.quote_id is 'The quote that was booked, with the line items.';
comment on column app_public.bookings.idempotency_key is 'The key the guest''s client chose for this booking.';
comment on column app_public.bookings.status is 'Where the booking is.';
comment on column app_public.bookings.status_actor is 'Who brought it there.';
comment on column app_public.bookings.status_reason is 'Why it is there, where somebody said.';
comment on column app_public.bookings.check_in is 'First night, local date.';
comment on column app_public.bookings.check_out is 'Day of leaving, local date.';
comment on column app_public.bookings.guests is 'How many people stay.';
comment on column app_public.bookings.currency is 'ISO 4217 currency.';
comment on column app_public.bookings.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.bookings.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.bookings.platform_amount is 'What the platform earns of it, in minor units.';
comment on column app_public.bookings.cancellation_policy is 'The policy the stay was sold under.';
comment on column app_public.bookings.time_zone is 'IANA zone of the dates.';
comment on column app_public.bookings.hold_expires_at is 'Until when the nights are held for payment.';
comment on column app_public.bookings.confirmed_at is 'When it was confirmed.';
comment on column app_public.bookings.created_at is 'When it was made.';
comment on column app_public.bookings.updated_at is 'When it last changed.';
--! EndIncluded bookings/tables/bookings.sql
--! Included bookings/tables/booking_transitions.sql
/*
 * The booking process as data: which change of status is allowed, to whom, and when. What has no
 * row here does not happen, whoever asks.
 */
create table if not exists app_hidden.booking_transitions (
  from_status app_public.booking_status not null,
  to_status app_public.booking_status not null,
  actor app_public.booking_actor not null,
  deadline text not null,

  constraint booking_transitions_pkey primary key (from_status, to_status, actor),
  constraint booking_transitions_deadline_is_known check (
    deadline in ('none', 'after_hold', 'before_check_out', 'after_check_out')
  )
);

alter table app_hidden.booking_transitions enable row level security;
alter table app_hidden.booking_transitions force row level security;

comment on table app_hidden.booking_transitions is 'Allowed changes of a booking''s status.';
--! EndIncluded bookings/tables/booking_transitions.sql
--! Included bookings/tables/booking_events.sql
create table if not exists app_public.booking_events (
  booking_id uuid not null
    constraint booking_events_booking_id_fkey references app_public.bookings on delete restrict,
  sequence integer not null,
  from_status app_public.booking_status,
  to_status app_public.booking_status not null,
  actor app_public.booking_actor not null,
  actor_id uuid constraint booking_events_actor_id_fkey references app_public.users on delete set null,
  reason text not null default '',
  created_at timestamptz not null default app_hidden.clock(),

  constraint booking_events_pkey primary key (booking_id, sequence)
);

alter table app_public.booking_events enable row level security;
alter table app_public.booking_events force row level security;

create index if not exists booking_events_actor_id_idx on app_public.booking_events (actor_id);

create or replace trigger _100_append_only
  before update or delete on app_public.booking_events
  for each row execute function app_hidden.tg__append_only();
create or replace trigger _110_no_truncate
  before truncate on app_public.booking_events
  for each statement execute function app_hidden.tg__append_only();

comment on table app_public.booking_events is 'What happened to a booking, in order.';
comment on column app_public.booking_events.booking_id is 'The booking.';
comment on column app_public.booking_events.sequence is 'Order within the booking, from 1.';
comment on column app_public.booking_events.from_status is 'Status before; null for the first event.';
comment on column app_public.booking_events.to_status is 'Status after.';
comment on column app_public.booking_events.actor is 'In which role somebody did it.';
comment on column app_public.booking_events.actor_id is 'Who did it; null for the system.';
comment on column app_public.booking_events.reason is 'Why, where somebody said.';
comment on column app_public.booking_events.created_at is 'When.';
--! EndIncluded bookings/tables/booking_events.sql
--! Included bookings/internal/booked_listing_ids.sql
create or replace function app_hidden.booked_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id() and b.status not in ('expired', 'declined')
$$;

grant execute on function app_hidden.booked_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.booked_listing_ids() is 'Listings that whoever is signed in has booked, past and cancelled stays included.';
--! EndIncluded bookings/internal/booked_listing_ids.sql
--! Included bookings/internal/confirmed_listing_ids.sql
create or replace function app_hidden.confirmed_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id() and b.status in ('confirmed', 'completed')
$$;

grant execute on function app_hidden.confirmed_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.confirmed_listing_ids() is
  'Listings where whoever is signed in has a confirmed stay, past ones included.';
--! EndIncluded bookings/internal/confirmed_listing_ids.sql
--! Included bookings/internal/hosted_quote_ids.sql
create or replace function app_hidden.hosted_quote_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.quote_id from app_public.bookings b where b.host_id = app_public.current_user_id()
$$;

grant execute on function app_hidden.hosted_quote_ids() to :DATABASE_VISITOR;

comment on function app_hidden.hosted_quote_ids() is 'Quotes that were booked with whoever is signed in.';
--! EndIncluded bookings/internal/hosted_quote_ids.sql
--! Included bookings/policies/bookings.sql
select app_hidden.drop_policies('app_public.bookings');

create policy definer_all on app_public.bookings to :DATABASE_OWNER using (true) with check (true);
create policy select_guest on app_public.bookings for select to :DATABASE_VISITOR
  using (guest_id = (select app_public.current_user_id()));
create policy select_host on app_public.bookings for select to :DATABASE_VISITOR
  using (host_id = (select app_public.current_user_id()));
create policy select_operator on app_public.bookings for select to :DATABASE_OPERATOR using (true);
-- No insert, update or delete: create_booking(), and transitions that the tables allow.

grant select on app_public.bookings to :DATABASE_VISITOR;
--! EndIncluded bookings/policies/bookings.sql
--! Included bookings/policies/booking_transitions.sql
select app_hidden.drop_policies('app_hidden.booking_transitions');
-- Read by functions only: no grant to anybody.
create policy definer_all on app_hidden.booking_transitions to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded bookings/policies/booking_transitions.sql
--! Included bookings/data/booking_transitions.sql
insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
values
  ('pending_payment', 'confirmed', 'system', 'none'),
  ('pending_payment', 'requested', 'system', 'none'),
  ('pending_payment', 'expired', 'system', 'after_hold'),
  ('pending_payment', 'cancelled', 'guest', 'none'),
  ('requested', 'confirmed', 'host', 'before_check_out'),
  ('requested', 'declined', 'host', 'none'),
  ('requested', 'expired', 'system', 'none'),
  -- Money came after the hold had expired, and the nights could be taken again.
  ('expired', 'confirmed', 'system', 'before_check_out'),
  ('confirmed', 'cancelled', 'guest', 'before_check_out'),
  ('confirmed', 'cancelled', 'host', 'before_check_out'),
  ('confirmed', 'cancelled', 'operator', 'none'),
  ('confirmed', 'completed', 'system', 'after_check_out')
on conflict (from_status, to_status, actor) do update set deadline = excluded.deadline;
--! EndIncluded bookings/data/booking_transitions.sql
--! Included bookings/policies/booking_events.sql
select app_hidden.drop_policies('app_public.booking_events');

create policy definer_all on app_public.booking_events to :DATABASE_OWNER using (true) with check (true);
-- Whoever sees the booking sees its history.
create policy select_visible on app_public.booking_events for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.booking_events to :DATABASE_VISITOR;
--! EndIncluded bookings/policies/booking_events.sql
--! Included listings/policies/listings.sql
select app_hidden.drop_policies('app_public.listings');

create policy definer_all on app_public.listings to :DATABASE_OWNER using (true) with check (true);
create policy select_published on app_public.listings for select to :DATABASE_VISITOR
  using (status = 'published');
create policy select_own on app_public.listings for select to :DATABASE_VISITOR
  using (host_id = (select app_public.current_user_id()));
create policy select_operator on app_public.listings for select to :DATABASE_OPERATOR using (true);
-- Who has booked a listing keeps seeing it when it is paused or gone.
create policy select_booked on app_public.listings for select to :DATABASE_VISITOR
  using (id in (select app_hidden.booked_listing_ids()));
create policy insert_own on app_public.listings for insert to :DATABASE_VISITOR
  with check (host_id = (select app_public.current_user_id()));
create policy update_own on app_public.listings for update to :DATABASE_VISITOR
  using (
    host_id = (select app_public.current_user_id()) and status not in ('suspended', 'archived')
  );
-- No delete: bookings refer to it; archive_listing() hides it for good.
-- No update of status: publish_listing() checks that the listing is complete.
-- No update of the place: set_listing_address() moves the public one.
-- No update of unit_count: a unit that has bookings cannot vanish.

grant select on app_public.listings to :DATABASE_VISITOR;
grant insert (
  title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms, unit_count,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days
) on app_public.listings to :DATABASE_VISITOR;
grant update (
  title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days
) on app_public.listings to :DATABASE_VISITOR;
--! EndIncluded listings/policies/listings.sql
--! Included listings/policies/listing_addresses.sql
select app_hidden.drop_policies('app_public.listing_addresses');

create policy definer_all on app_public.listing_addresses to :DATABASE_OWNER using (true) with check (true);
create policy select_own on app_public.listing_addresses for select to :DATABASE_VISITOR
  using (
    listing_id in (
      select l.id from app_public.listings l
      where l.host_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.listing_addresses for select to :DATABASE_OPERATOR
  using (true);
create policy select_confirmed on app_public.listing_addresses for select to :DATABASE_VISITOR
  using (listing_id in (select app_hidden.confirmed_listing_ids()));
-- No insert, update or delete: set_listing_address() keeps the public place in step.

grant select on app_public.listing_addresses to :DATABASE_VISITOR;
--! EndIncluded listings/policies/listing_addresses.sql
--! Included pricing/policies/quotes.sql
select app_hidden.drop_policies('app_public.quotes');

create policy definer_all on app_public.quotes to :DATABASE_OWNER using (true) with check (true);
create policy select_own on app_public.quotes for select to :DATABASE_VISITOR
  using (guest_id = (select app_public.current_user_id()));
-- A host sees the price of what was booked, not who asked.
create policy select_booked on app_public.quotes for select to :DATABASE_VISITOR
  using (id in (select app_hidden.hosted_quote_ids()));
create policy select_operator on app_public.quotes for select to :DATABASE_OPERATOR using (true);
-- No insert, update or delete: create_quote() prices, and a price stands.

grant select on app_public.quotes to :DATABASE_VISITOR;
--! EndIncluded pricing/policies/quotes.sql
--! Included bookings/triggers/tg_bookings__check_transition.sql
/*
 * Enforces the transitions table on every change of status, psql included, and appends the event.
 */
create or replace function app_hidden.tg_bookings__check_transition() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deadline text;
  v_today date := (app_hidden.clock() at time zone NEW.time_zone)::date;
  v_in_time boolean;
begin
  if TG_OP = 'INSERT' then
    if NEW.status <> 'pending_payment' then
      raise exception 'A booking begins as pending_payment.' using errcode = 'SBB08';
    end if;
    return NEW;
  end if;

  select t.deadline into v_deadline from app_hidden.booking_transitions t
  where t.from_status = OLD.status and t.to_status = NEW.status and t.actor = NEW.status_actor;
  v_in_time := case v_deadline
    when 'none' then true
    when 'after_hold' then app_hidden.clock() >= NEW.hold_expires_at
    when 'before_check_out' then v_today < NEW.check_out
    when 'after_check_out' then v_today >= NEW.check_out
    else false
  end;
  if not v_in_time then
    raise exception 'A booking that is % cannot become % by the % now.',
      OLD.status, NEW.status, NEW.status_actor using errcode = 'SBB08';
  end if;
  if NEW.status = 'confirmed' then
    NEW.confirmed_at := app_hidden.clock();
  end if;
  return NEW;
end
$$;

create or replace trigger _200_check_transition
  before insert or update of status on app_public.bookings
  for each row execute function app_hidden.tg_bookings__check_transition();

comment on function app_hidden.tg_bookings__check_transition() is
  'Refuses changes of status that the transitions table does not allow.';
--! EndIncluded bookings/triggers/tg_bookings__check_transition.sql
--! Included bookings/triggers/tg_bookings__price_stands.sql
/*
 * M7, second half: a booking is sold at its quote's price, whose line items sum to it. Checked for
 * every writer, psql included.
 */
create or replace function app_hidden.tg_bookings__price_stands() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.quotes q
    where q.id = NEW.quote_id and q.currency = NEW.currency and q.total_amount = NEW.total_amount
      and q.host_amount = NEW.host_amount and q.platform_amount = NEW.platform_amount
  ) then
    raise exception 'A booking costs what its quote says.' using errcode = 'SBM01';
  end if;
  return NEW;
end
$$;

create or replace trigger _300_price_stands
  before insert or update of quote_id, currency, total_amount, host_amount, platform_amount
  on app_public.bookings
  for each row execute function app_hidden.tg_bookings__price_stands();

comment on function app_hidden.tg_bookings__price_stands() is
  'Refuses a booking at another price than its quote''s.';
--! EndIncluded bookings/triggers/tg_bookings__price_stands.sql
--! Included bookings/triggers/tg_bookings__append_event.sql
create or replace function app_hidden.tg_bookings__append_event() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.booking_events
    (booking_id, sequence, from_status, to_status, actor, actor_id, reason)
  select
    NEW.id,
    1 + coalesce((
      select max(e.sequence) from app_public.booking_events e where e.booking_id = NEW.id
    ), 0),
    case TG_OP when 'UPDATE' then OLD.status end,
    NEW.status,
    NEW.status_actor,
    case NEW.status_actor
      when 'guest' then NEW.guest_id
      when 'host' then NEW.host_id
      when 'operator' then app_public.current_user_id()
    end,
    NEW.status_reason;
  return null;
end
$$;

create or replace trigger _500_append_event
  after insert or update of status on app_public.bookings
  for each row execute function app_hidden.tg_bookings__append_event();

comment on function app_hidden.tg_bookings__append_event() is 'Appends each change of status to the history.';
--! EndIncluded bookings/triggers/tg_bookings__append_event.sql
--! Included bookings/triggers/tg_calendar_claims__expire_booking.sql
/*
 * A hold whose nights were freed is over. (Where the booking moved on first, this finds nothing to
 * do.)
 */
create or replace function app_hidden.tg_calendar_claims__expire_booking() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.bookings b
  set status = 'expired', status_actor = 'system', status_reason = 'The hold ended before payment.'
  where b.id = OLD.booking_id and b.status = 'pending_payment';
  return null;
end
$$;

create or replace trigger _500_expire_booking
  after delete on app_public.calendar_claims
  for each row when (OLD.kind = 'hold')
  execute function app_hidden.tg_calendar_claims__expire_booking();

comment on function app_hidden.tg_calendar_claims__expire_booking() is
  'Expires the booking whose hold was freed.';
--! EndIncluded bookings/triggers/tg_calendar_claims__expire_booking.sql
--! Included bookings/triggers/tg_bookings__claim_matches.sql
/*
 * N2: what is sold has its nights, what is not has none. Checked at commit, whoever wrote. A claim
 * that changes hands is looked at from both sides: the booking that gets it, and the one that loses
 * it.
 */
create or replace function app_hidden.tg_bookings__claim_matches() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_ids uuid[];
begin
  if TG_TABLE_NAME = 'bookings' then
    v_booking_ids := array[NEW.id];
  else
    v_booking_ids := array[OLD.booking_id, NEW.booking_id];
  end if;
  if exists (
    select from app_public.bookings b
    left join app_public.calendar_claims c on c.booking_id = b.id
    where b.id = any (v_booking_ids)
      and (
        c.kind is distinct from (case
          when b.status in ('pending_payment', 'requested') then 'hold'
          when b.status in ('confirmed', 'completed') then 'booking'
        end)::app_public.claim_kind
        or c.listing_id <> b.listing_id
        or c.unit_number <> b.unit_number
        or not c.nights @> daterange(b.check_in, b.check_out)
      )
  ) then
    raise exception 'Booking and calendar disagree.' using errcode = 'SBB09';
  end if;
  return null;
end
$$;

drop trigger if exists _900_claim_matches on app_public.bookings;
create constraint trigger _900_claim_matches
  after insert or update on app_public.bookings
  deferrable initially deferred
  for each row execute function app_hidden.tg_bookings__claim_matches();

drop trigger if exists _900_claim_matches on app_public.calendar_claims;
create constraint trigger _900_claim_matches
  after insert or update or delete on app_public.calendar_claims
  deferrable initially deferred
  for each row execute function app_hidden.tg_bookings__claim_matches();

comment on function app_hidden.tg_bookings__claim_matches() is
  'Refuses to commit a booking without its claim, or a claim without its booking.';
--! EndIncluded bookings/triggers/tg_bookings__claim_matches.sql
--! Included bookings/internal/find_repeated_booking.sql
create or replace function app_hidden.find_repeated_booking(
  guest_id uuid, idempotency_key text, quote_id uuid
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.guest_id = find_repeated_booking.guest_id
    and b.idempotency_key = find_repeated_booking.idempotency_key;
  if v_booking.quote_id <> find_repeated_booking.quote_id then
    raise exception 'This idempotency key was used for another quote; choose a new one.'
      using errcode = 'SBB03', column = 'idempotency_key';
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.find_repeated_booking(uuid, text, uuid) is
  'The booking that an earlier call with this key made, or null; IDEMPOTENCY_KEY_REUSED for another quote.';
--! EndIncluded bookings/internal/find_repeated_booking.sql
--! Included bookings/internal/sell_stay.sql
/*
 * Turns a paid hold into a sold stay. Where the hold is gone, the nights are taken again on any
 * free unit; false where that cannot be. A bank may take days: a stay that is over by then is not
 * sold either, and its hold, which nothing else would end, is ended here. The caller holds the
 * locks on availability and booking.
 */
create or replace function app_hidden.sell_stay(booking app_public.bookings) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_is_over boolean := booking.hold_expires_at <= app_hidden.clock()
    and booking.check_out <= (app_hidden.clock() at time zone booking.time_zone)::date;
begin
  if booking.status = 'pending_payment' and v_is_over then
    -- A trigger expires the booking with it.
    delete from app_public.calendar_claims c where c.booking_id = booking.id;
    return false;
  elsif booking.status = 'pending_payment' then
    update app_public.calendar_claims c set kind = 'booking', expires_at = null
    where c.booking_id = booking.id
    returning * into v_claim;
  elsif booking.status = 'expired' and not v_is_over then
    begin
      v_claim := app_hidden.claim_nights(
        booking.listing_id,
        app_hidden.claim_window(booking.check_in, booking.check_out, (
          select l.preparation_days from app_public.listings l where l.id = booking.listing_id
        )),
        'booking',
        booking_id => booking.id
      );
    exception
      when sqlstate 'SBC01' then return false;
    end;
  else
    return false;
  end if;

  update app_public.bookings b
  set status = 'confirmed', status_actor = 'system', status_reason = 'Paid.',
      unit_number = v_claim.unit_number
  where b.id = booking.id;
  return true;
end
$$;

comment on function app_hidden.sell_stay(app_public.bookings) is
  'Confirms a paid booking; false where its nights are gone.';
--! EndIncluded bookings/internal/sell_stay.sql
--! Included bookings/internal/complete_stays.sql
create or replace function app_private.complete_stays(booking_limit integer default 500) returns integer
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with due as (
    select b.id from app_public.bookings b
    where b.status = 'confirmed'
      -- Local dates differ by a day at most; the exact rule is the second condition.
      and b.check_out <= (app_hidden.clock() + interval '1 day')::date
      and b.check_out <= (app_hidden.clock() at time zone b.time_zone)::date
    order by b.id
    limit complete_stays.booking_limit
    for update skip locked
  ), done as (
    update app_public.bookings b
    set status = 'completed', status_actor = 'system', status_reason = ''
    from due where b.id = due.id
    returning b.id
  )
  select count(*)::integer from done
$$;

grant execute on function app_private.complete_stays(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.complete_stays(integer) is
  'Completes confirmed bookings from their check-out day on; says how many.';
--! EndIncluded bookings/internal/complete_stays.sql
--! Included bookings/mutations/create_booking.sql
/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms.
 *
 * Idempotent by the guest's key: a repeated call returns the booking of the first, also when both
 * run at once: the slower one then finds the nights taken, or meets the unique key, and looks
 * again. Locks: availability (claim_nights), then the new booking.
 */
create or replace function app_public.create_booking(quote_id uuid, idempotency_key text)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_hold constant interval := '15 minutes';
  v_user_id uuid := app_hidden.require_user_id();
  v_booking_id uuid := uuidv7();
  v_booking app_public.bookings;
  v_quote app_public.quotes;
  v_listing app_public.listings;
  v_claim app_public.calendar_claims;
begin
  if length(coalesce(create_booking.idempotency_key, '')) not between 8 and 200 then
    raise exception 'Choose an idempotency key of 8 to 200 characters, such as a random UUID.'
      using errcode = 'SBB02', column = 'idempotency_key';
  end if;
  v_booking := app_hidden.find_repeated_booking(
    v_user_id, create_booking.idempotency_key, create_booking.quote_id
  );
  if v_booking.id is not null then
    return v_booking;
  end if;

  select q.* into v_quote from app_public.quotes q
  where q.id = create_booking.quote_id and q.guest_id = v_user_id;
  if v_quote.id is null then
    raise exception 'There is no such quote.' using errcode = 'SBP01', column = 'quote_id';
  end if;
  if v_quote.expires_at <= app_hidden.clock() then
    raise exception 'The quote has expired; ask for a new one.' using errcode = 'SBP02', column = 'quote_id';
  end if;
  select l.* into v_listing from app_public.listings l where l.id = v_quote.listing_id;
  if v_listing.status <> 'published' then
    raise exception 'This listing is not open for bookings.' using errcode = 'SBL01', column = 'quote_id';
  end if;
  if v_listing.booking_mode <> 'instant' then
    raise exception 'This host takes requests, which cannot be booked at once.'
      using errcode = 'SBB05', column = 'quote_id';
  end if;

  begin
    v_claim := app_hidden.claim_nights(
      v_quote.listing_id,
      app_hidden.claim_window(v_quote.check_in, v_quote.check_out, v_listing.preparation_days),
      'hold',
      booking_id => v_booking_id,
      expires_at => app_hidden.clock() + c_hold
    );
    insert into app_public.bookings (
      id, listing_id, unit_number, host_id, guest_id, quote_id, idempotency_key,
      check_in, check_out, guests, currency, total_amount, host_amount, platform_amount,
      cancellation_policy, time_zone, hold_expires_at
    )
    values (
      v_booking_id, v_quote.listing_id, v_claim.unit_number, v_listing.host_id, v_user_id,
      v_quote.id, create_booking.idempotency_key, v_quote.check_in, v_quote.check_out,
      v_quote.guests, v_quote.currency, v_quote.total_amount, v_quote.host_amount,
      v_quote.platform_amount, v_listing.cancellation_policy, v_listing.time_zone,
      v_claim.expires_at
    )
    returning * into v_booking;
    return v_booking;
  exception
    when sqlstate 'SBC01' or unique_violation then
      v_booking := app_hidden.find_repeated_booking(
        v_user_id, create_booking.idempotency_key, create_booking.quote_id
      );
      if v_booking.id is not null then
        return v_booking;
      end if;
      if exists (select from app_public.bookings b where b.quote_id = v_quote.id) then
        raise exception 'The quote is booked already.' using errcode = 'SBP03', column = 'quote_id';
      end if;
      raise;
  end;
end
$$;

grant execute on function app_public.create_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.create_booking(uuid, text) is
  'Books a quote as it stands and holds the nights for 15 minutes; pay by POST /v1/bookings/{id}/payment. A repeated call with the same key returns the same booking.';
--! EndIncluded bookings/mutations/create_booking.sql
--! Included bookings/mutations/cancel_hold.sql
/*
 * A guest who has changed their mind before paying. What was paid is another matter: cancelling a
 * confirmed booking refunds by policy. Locks: availability, then the booking.
 */
create or replace function app_public.cancel_hold(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = cancel_hold.booking_id and b.guest_id = v_user_id;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;

  perform from app_hidden.listing_availability a
  where a.listing_id = v_booking.listing_id and a.unit_number = v_booking.unit_number
  for update;
  update app_public.bookings b
  set status = 'cancelled', status_actor = 'guest', status_reason = 'Cancelled before payment.'
  where b.id = v_booking.id and b.status = 'pending_payment'
    and not exists (
      select from app_public.calendar_claims c where c.booking_id = b.id and c.expires_at is null
    )
  returning * into v_booking;
  if not found then
    raise exception 'Only a booking that waits for payment can be given up.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  delete from app_public.calendar_claims c where c.booking_id = v_booking.id;
  return v_booking;
end
$$;

grant execute on function app_public.cancel_hold(uuid) to :DATABASE_VISITOR;

comment on function app_public.cancel_hold(uuid) is
  'Gives up a booking that waits for payment and frees its nights.';
--! EndIncluded bookings/mutations/cancel_hold.sql

-- notifications
--! Included notifications/tables/mails.sql
/*
 * Mail that is owed, one row a person and occasion. The row is written with its cause; the job
 * sends it and marks it. Its id makes the Message-ID, so that a mail sent twice by a crash is one
 * mail to the reader.
 */
create table if not exists app_private.mails (
  id uuid not null default uuidv7() constraint mails_pkey primary key,
  kind text not null,
  user_id uuid not null
    constraint mails_user_id_fkey references app_public.users on delete cascade,
  booking_id uuid not null
    constraint mails_booking_id_fkey references app_public.bookings on delete cascade,
  created_at timestamptz not null default app_hidden.clock(),
  sent_at timestamptz,

  -- However often the cause is reported, a person is told once.
  constraint mails_occasion_key unique (booking_id, kind, user_id),
  constraint mails_kind_is_known check (
    kind in ('booking_confirmed_guest', 'booking_confirmed_host', 'late_payment_refunded')
  )
);

alter table app_private.mails enable row level security;
alter table app_private.mails force row level security;

create index if not exists mails_user_id_idx on app_private.mails (user_id);

comment on table app_private.mails is 'Mail that is owed or was sent, one a person and occasion.';
--! EndIncluded notifications/tables/mails.sql
--! Included notifications/policies/mails.sql
select app_hidden.drop_policies('app_private.mails');
create policy definer_all on app_private.mails to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded notifications/policies/mails.sql
--! Included notifications/internal/queue_mail.sql
create or replace function app_hidden.queue_mail(kind text, user_id uuid, booking_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mail_id uuid;
begin
  insert into app_private.mails (kind, user_id, booking_id)
  values (queue_mail.kind, queue_mail.user_id, queue_mail.booking_id)
  on conflict on constraint mails_occasion_key do nothing
  returning id into v_mail_id;
  if v_mail_id is not null then
    perform app_hidden.add_job(
      'send_mail', jsonb_build_object('mailId', v_mail_id), 'mail:' || v_mail_id
    );
  end if;
end
$$;

comment on function app_hidden.queue_mail(text, uuid, uuid) is
  'Owes a person a mail about a booking, once an occasion.';
--! EndIncluded notifications/internal/queue_mail.sql
--! Included notifications/internal/mail_to_send.sql
/*
 * What the mail job needs, or nulls where the mail was sent already or the person has no address
 * (imported hosts have none).
 */
create or replace function app_private.mail_to_send(
  mail_id uuid,
  out kind text, out email text, out display_name text, out other_name text,
  out booking_id uuid, out listing_title text, out city text,
  out check_in date, out check_out date, out guests integer,
  out currency text, out exponent integer, out total_amount bigint, out host_amount bigint,
  out street text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, c.email, u.display_name, o.display_name, b.id, l.title, l.city,
    b.check_in, b.check_out, b.guests, b.currency, cu.exponent, b.total_amount, b.host_amount, a.street
  from app_private.mails m
  join app_public.users u on u.id = m.user_id
  join app_public.user_contacts c on c.user_id = u.id
  join app_public.bookings b on b.id = m.booking_id
  join app_public.users o on o.id = case m.user_id when b.guest_id then b.host_id else b.guest_id end
  join app_public.listings l on l.id = b.listing_id
  join app_public.currencies cu on cu.code = b.currency
  left join app_public.listing_addresses a on a.listing_id = l.id
  where m.id = mail_to_send.mail_id and m.sent_at is null
$$;

grant execute on function app_private.mail_to_send(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mail_to_send(uuid) is 'What a mail says and to whom; nulls where there is nothing to send.';
--! EndIncluded notifications/internal/mail_to_send.sql
--! Included notifications/internal/mark_mail_sent.sql
create or replace function app_private.mark_mail_sent(mail_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.mails m set sent_at = coalesce(m.sent_at, app_hidden.clock())
  where m.id = mark_mail_sent.mail_id
$$;

grant execute on function app_private.mark_mail_sent(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mark_mail_sent(uuid) is 'Notes that a mail is out; it is not sent again.';
--! EndIncluded notifications/internal/mark_mail_sent.sql

-- payments
--! Included payments/tables/payments.sql
/*
 * A charge of a booking's guest. The amount is the booking's, read by the database; Stripe's intent
 * follows the row, whose id is the idempotency key.
 */
do $$
begin
  create type app_public.payment_status as enum (
    'requires_payment', 'requires_action', 'processing', 'authorised', 'captured',
    'partially_refunded', 'refunded', 'failed', 'cancelled', 'disputed'
  );
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.payments (
  id uuid not null default uuidv7() constraint payments_pkey primary key,
  booking_id uuid not null
    constraint payments_booking_id_fkey references app_public.bookings on delete restrict,
  status app_public.payment_status not null default 'requires_payment',
  currency text not null
    constraint payments_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  captured_amount bigint not null default 0,
  refunded_amount bigint not null default 0,
  stripe_payment_intent_id text,
  stripe_charge_id text,
  failure_code text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint payments_stripe_payment_intent_id_key unique (stripe_payment_intent_id),
  constraint payments_stripe_charge_id_key unique (stripe_charge_id),
  constraint payments_amounts_are_ordered check (
    amount > 0 and captured_amount between 0 and amount
    and refunded_amount between 0 and captured_amount
  ),
  constraint payments_captured_has_charge
    check (captured_amount = 0 or stripe_charge_id is not null)
);

alter table app_public.payments enable row level security;
alter table app_public.payments force row level security;

-- M6: at most one payment of a booking is alive or has taken money.
create unique index if not exists payments_one_live_a_booking
  on app_public.payments (booking_id) where status not in ('failed', 'cancelled');
create index if not exists payments_booking_id_idx on app_public.payments (booking_id);
create index if not exists payments_currency_idx on app_public.payments (currency);

create or replace trigger _100_touch
  before update on app_public.payments
  for each row execute function app_hidden.tg__touch();

comment on type app_public.payment_status is 'Where a payment is; money has moved from captured on.';
comment on table app_public.payments is 'A charge of a booking''s guest, visible to that guest.';
comment on column app_public.payments.id is 'Public id of the payment.';
comment on column app_public.payments.booking_id is 'What is paid for.';
comment on column app_public.payments.status is 'Where the payment is.';
comment on column app_public.payments.currency is 'ISO 4217 currency.';
comment on column app_public.payments.amount is 'What is to be paid, in minor units.';
comment on column app_public.payments.captured_amount is 'What was taken, in minor units.';
comment on column app_public.payments.refunded_amount is 'What was given back, in minor units.';
comment on column app_public.payments.stripe_payment_intent_id is 'Stripe''s id of the intent.';
comment on column app_public.payments.stripe_charge_id is 'Stripe''s id of the charge that took the money.';
comment on column app_public.payments.failure_code is 'Why the last attempt failed, in Stripe''s words, such as card_declined.';
comment on column app_public.payments.created_at is 'When it was begun.';
comment on column app_public.payments.updated_at is 'When it last changed.';
--! EndIncluded payments/tables/payments.sql
--! Included payments/tables/refunds.sql
do $$
begin
  create type app_public.refund_status as enum ('requested', 'pending', 'succeeded', 'failed');
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.refunds (
  id uuid not null default uuidv7() constraint refunds_pkey primary key,
  payment_id uuid not null
    constraint refunds_payment_id_fkey references app_public.payments on delete restrict,
  status app_public.refund_status not null default 'requested',
  reason text not null,
  currency text not null
    constraint refunds_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  stripe_refund_id text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint refunds_stripe_refund_id_key unique (stripe_refund_id),
  constraint refunds_amount_is_positive check (amount > 0)
);

alter table app_public.refunds enable row level security;
alter table app_public.refunds force row level security;

create index if not exists refunds_payment_id_idx on app_public.refunds (payment_id);
create index if not exists refunds_currency_idx on app_public.refunds (currency);

create or replace trigger _100_touch
  before update on app_public.refunds
  for each row execute function app_hidden.tg__touch();

comment on type app_public.refund_status is 'Where a refund is; a bank can make it fail even after it succeeded.';
comment on table app_public.refunds is 'Money given back to a guest.';
comment on column app_public.refunds.id is 'Public id of the refund.';
comment on column app_public.refunds.payment_id is 'The payment that is given back.';
comment on column app_public.refunds.status is 'Where the refund is.';
comment on column app_public.refunds.reason is 'Why it is given back.';
comment on column app_public.refunds.currency is 'ISO 4217 currency.';
comment on column app_public.refunds.amount is 'How much, in minor units.';
comment on column app_public.refunds.stripe_refund_id is 'Stripe''s id of the refund.';
comment on column app_public.refunds.created_at is 'When it was decided.';
comment on column app_public.refunds.updated_at is 'When it last changed.';
--! EndIncluded payments/tables/refunds.sql
--! Included payments/tables/ledger_accounts.sql
/*
 * The accounts of the double-entry ledger. A debit is positive, a credit negative: what Stripe
 * holds for us is positive, what we owe a host is negative.
 */
do $$
begin
  create type app_public.ledger_account_kind as enum (
    'stripe_balance', 'host_payable', 'host_receivable', 'platform_revenue', 'tax_payable',
    'stripe_fees', 'disputes', 'guest_clearing'
  );
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.ledger_accounts (
  id uuid not null default uuidv7() constraint ledger_accounts_pkey primary key,
  kind app_public.ledger_account_kind not null,
  user_id uuid constraint ledger_accounts_user_id_fkey references app_public.users on delete restrict,
  currency text not null
    constraint ledger_accounts_currency_fkey references app_public.currencies on delete restrict,

  constraint ledger_accounts_holder_key unique nulls not distinct (kind, user_id, currency),
  constraint ledger_accounts_currency_key unique (id, currency),
  constraint ledger_accounts_hosts_have_a_user
    check ((kind in ('host_payable', 'host_receivable')) = (user_id is not null))
);

alter table app_public.ledger_accounts enable row level security;
alter table app_public.ledger_accounts force row level security;

create index if not exists ledger_accounts_user_id_idx on app_public.ledger_accounts (user_id);
create index if not exists ledger_accounts_currency_idx on app_public.ledger_accounts (currency);

-- M2: entries would change their meaning with their account.
create or replace trigger _100_append_only
  before update on app_public.ledger_accounts
  for each row when (OLD is distinct from NEW)
  execute function app_hidden.tg__append_only();

comment on type app_public.ledger_account_kind is 'What an account counts.';
comment on table app_public.ledger_accounts is 'An account of the ledger; hosts see their own.';
comment on column app_public.ledger_accounts.id is 'Public id of the account.';
comment on column app_public.ledger_accounts.kind is 'What it counts: host payable is what the platform owes a host.';
comment on column app_public.ledger_accounts.user_id is 'The host, for accounts of a host.';
comment on column app_public.ledger_accounts.currency is 'ISO 4217 currency.';
--! EndIncluded payments/tables/ledger_accounts.sql
--! Included payments/tables/ledger_transactions.sql
/*
 * One external fact, written down once (M3), and never changed (M2): a correction is another
 * transaction that reverses it.
 */
create table if not exists app_public.ledger_transactions (
  id uuid not null default uuidv7() constraint ledger_transactions_pkey primary key,
  external_fact text not null,
  kind text not null,
  booking_id uuid
    constraint ledger_transactions_booking_id_fkey references app_public.bookings on delete restrict,
  created_at timestamptz not null default app_hidden.clock(),

  constraint ledger_transactions_external_fact_key unique (external_fact),
  constraint ledger_transactions_kind_is_known
    check (kind in ('charge', 'late_charge', 'refund', 'refund_failure'))
);

alter table app_public.ledger_transactions enable row level security;
alter table app_public.ledger_transactions force row level security;

create index if not exists ledger_transactions_booking_id_idx
  on app_public.ledger_transactions (booking_id);

create or replace trigger _100_append_only
  before update or delete on app_public.ledger_transactions
  for each row execute function app_hidden.tg__append_only();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_transactions
  for each statement execute function app_hidden.tg__append_only();

comment on table app_public.ledger_transactions is 'Something that happened to money; its entries sum to zero.';
comment on column app_public.ledger_transactions.id is 'Public id of the transaction.';
comment on column app_public.ledger_transactions.external_fact is 'What happened outside, such as charge:ch_123; once each.';
comment on column app_public.ledger_transactions.kind is 'charge, late_charge, refund or refund_failure.';
comment on column app_public.ledger_transactions.booking_id is 'The booking it is about.';
comment on column app_public.ledger_transactions.created_at is 'When it was written down.';
--! EndIncluded payments/tables/ledger_transactions.sql
--! Included payments/tables/ledger_entries.sql
create table if not exists app_public.ledger_entries (
  id uuid not null default uuidv7() constraint ledger_entries_pkey primary key,
  transaction_id uuid not null
    constraint ledger_entries_transaction_id_fkey
    references app_public.ledger_transactions on delete restrict,
  account_id uuid not null,
  currency text not null,
  amount bigint not null,

  -- An entry is in the currency of its account.
  constraint ledger_entries_account_fkey foreign key (account_id, currency)
    references app_public.ledger_accounts (id, currency) on delete restrict,
  constraint ledger_entries_amount_is_not_zero check (amount <> 0)
);

alter table app_public.ledger_entries enable row level security;
alter table app_public.ledger_entries force row level security;

create index if not exists ledger_entries_transaction_id_idx on app_public.ledger_entries (transaction_id);
-- The statement of an account, newest first.
create index if not exists ledger_entries_account_idx on app_public.ledger_entries (account_id, currency, id);

create or replace trigger _100_append_only
  before update or delete on app_public.ledger_entries
  for each row execute function app_hidden.tg__append_only();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_entries
  for each statement execute function app_hidden.tg__append_only();

comment on table app_public.ledger_entries is 'One side of a ledger transaction.';
comment on column app_public.ledger_entries.id is 'Public id of the entry.';
comment on column app_public.ledger_entries.transaction_id is 'What happened.';
comment on column app_public.ledger_entries.account_id is 'Whose account.';
comment on column app_public.ledger_entries.currency is 'ISO 4217 currency.';
comment on column app_public.ledger_entries.amount is
  'In minor units; a debit is positive, a credit negative: what the platform owes a host is negative.';
--! EndIncluded payments/tables/ledger_entries.sql
--! Included payments/tables/stripe_events.sql
/*
 * The inbox: what Stripe told us, kept before it is answered (W1). Acting on it is a job's work.
 */
create table if not exists app_private.stripe_events (
  id text not null constraint stripe_events_pkey primary key,
  type text not null,
  object_id text,
  payload jsonb not null,
  received_at timestamptz not null default app_hidden.clock(),
  processed_at timestamptz,

  constraint stripe_events_id_has_shape check (id ~ '^evt_[A-Za-z0-9_]{1,250}$')
);

alter table app_private.stripe_events enable row level security;
alter table app_private.stripe_events force row level security;

-- What is not done yet, oldest first, for the operator and the metrics.
create index if not exists stripe_events_waiting_idx
  on app_private.stripe_events (received_at) where processed_at is null;

comment on table app_private.stripe_events is 'Events that Stripe sent, each once.';
--! EndIncluded payments/tables/stripe_events.sql
--! Included payments/policies/payments.sql
select app_hidden.drop_policies('app_public.payments');

create policy definer_all on app_public.payments to :DATABASE_OWNER using (true) with check (true);
-- The guest who pays. The host is owed by the platform, not by the guest: see the ledger.
create policy select_guest on app_public.payments for select to :DATABASE_VISITOR
  using (
    booking_id in (
      select b.id from app_public.bookings b where b.guest_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.payments for select to :DATABASE_OPERATOR using (true);
-- No insert, update or delete: payments follow Stripe.

grant select on app_public.payments to :DATABASE_VISITOR;
--! EndIncluded payments/policies/payments.sql
--! Included payments/policies/refunds.sql
select app_hidden.drop_policies('app_public.refunds');

create policy definer_all on app_public.refunds to :DATABASE_OWNER using (true) with check (true);
-- Whoever sees the payment sees its refunds.
create policy select_visible on app_public.refunds for select to :DATABASE_VISITOR
  using (exists (select from app_public.payments p where p.id = payment_id));

grant select on app_public.refunds to :DATABASE_VISITOR;
--! EndIncluded payments/policies/refunds.sql
--! Included payments/policies/ledger_accounts.sql
select app_hidden.drop_policies('app_public.ledger_accounts');

create policy definer_all on app_public.ledger_accounts to :DATABASE_OWNER using (true) with check (true);
create policy select_own on app_public.ledger_accounts for select to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy select_operator on app_public.ledger_accounts for select to :DATABASE_OPERATOR using (true);

grant select on app_public.ledger_accounts to :DATABASE_VISITOR;
--! EndIncluded payments/policies/ledger_accounts.sql
--! Included payments/policies/ledger_transactions.sql
select app_hidden.drop_policies('app_public.ledger_transactions');

create policy definer_all on app_public.ledger_transactions to :DATABASE_OWNER using (true) with check (true);
-- Whoever has an account in it.
create policy select_own on app_public.ledger_transactions for select to :DATABASE_VISITOR
  using (
    id in (
      select e.transaction_id
      from app_public.ledger_entries e
      join app_public.ledger_accounts a on a.id = e.account_id
      where a.user_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.ledger_transactions for select to :DATABASE_OPERATOR using (true);
-- No insert: post_ledger(). No update or delete: not even by the owner.

grant select on app_public.ledger_transactions to :DATABASE_VISITOR;
--! EndIncluded payments/policies/ledger_transactions.sql
--! Included payments/policies/ledger_entries.sql
select app_hidden.drop_policies('app_public.ledger_entries');

create policy definer_all on app_public.ledger_entries to :DATABASE_OWNER using (true) with check (true);
create policy select_own on app_public.ledger_entries for select to :DATABASE_VISITOR
  using (
    account_id in (
      select a.id from app_public.ledger_accounts a
      where a.user_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.ledger_entries for select to :DATABASE_OPERATOR using (true);

grant select on app_public.ledger_entries to :DATABASE_VISITOR;
--! EndIncluded payments/policies/ledger_entries.sql
--! Included payments/policies/stripe_events.sql
select app_hidden.drop_policies('app_private.stripe_events');
create policy definer_all on app_private.stripe_events to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded payments/policies/stripe_events.sql
--! Included payments/triggers/tg_ledger__balanced.sql
/*
 * M1: the entries of a transaction sum to zero per currency, and there are some. Checked at commit
 * by the database, whoever wrote.
 */
create or replace function app_hidden.tg_ledger__balanced() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_transaction_id uuid;
begin
  v_transaction_id := case TG_TABLE_NAME
    when 'ledger_transactions' then (to_jsonb(NEW) ->> 'id')::uuid
    else (to_jsonb(NEW) ->> 'transaction_id')::uuid
  end;
  if not exists (
    select from app_public.ledger_entries e where e.transaction_id = v_transaction_id
  ) or exists (
    select from app_public.ledger_entries e
    where e.transaction_id = v_transaction_id
    group by e.currency
    having sum(e.amount) <> 0
  ) then
    raise exception 'The entries of a ledger transaction sum to zero.' using errcode = 'SBM02';
  end if;
  return null;
end
$$;

drop trigger if exists _900_balanced on app_public.ledger_transactions;
create constraint trigger _900_balanced
  after insert on app_public.ledger_transactions
  deferrable initially deferred
  for each row execute function app_hidden.tg_ledger__balanced();

drop trigger if exists _900_balanced on app_public.ledger_entries;
create constraint trigger _900_balanced
  after insert on app_public.ledger_entries
  deferrable initially deferred
  for each row execute function app_hidden.tg_ledger__balanced();

comment on function app_hidden.tg_ledger__balanced() is 'Refuses to commit a ledger transaction that is not balanced.';
--! EndIncluded payments/triggers/tg_ledger__balanced.sql
--! Included payments/internal/ledger_account.sql
create or replace function app_hidden.ledger_account(
  kind app_public.ledger_account_kind, currency text, user_id uuid default null
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
begin
  select a.id into v_account_id from app_public.ledger_accounts a
  where a.kind = ledger_account.kind and a.currency = ledger_account.currency
    and a.user_id is not distinct from ledger_account.user_id;
  if v_account_id is null then
    insert into app_public.ledger_accounts as a (kind, currency, user_id)
    values (ledger_account.kind, ledger_account.currency, ledger_account.user_id)
    -- The update changes nothing; it makes the row of whoever was faster come back.
    on conflict on constraint ledger_accounts_holder_key do update set kind = excluded.kind
    returning a.id into v_account_id;
  end if;
  return v_account_id;
end
$$;

comment on function app_hidden.ledger_account(app_public.ledger_account_kind, text, uuid) is
  'The account of that kind, made when first asked for.';
--! EndIncluded payments/internal/ledger_account.sql
--! Included payments/internal/post_ledger.sql
/*
 * Writes one external fact into the ledger, once: a fact that is there already changes nothing and
 * gives false. Entries of zero are left out.
 */
create or replace function app_hidden.post_ledger(
  external_fact text,
  kind text,
  booking_id uuid,
  currency text,
  account_ids uuid[],
  amounts bigint[]
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_transaction_id uuid;
begin
  insert into app_public.ledger_transactions (external_fact, kind, booking_id)
  values (post_ledger.external_fact, post_ledger.kind, post_ledger.booking_id)
  on conflict on constraint ledger_transactions_external_fact_key do nothing
  returning id into v_transaction_id;
  if v_transaction_id is null then
    return false;
  end if;
  insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
  select v_transaction_id, e.account_id, post_ledger.currency, e.amount
  from unnest(post_ledger.account_ids, post_ledger.amounts) e (account_id, amount)
  where e.amount <> 0;
  return true;
end
$$;

comment on function app_hidden.post_ledger(text, text, uuid, text, uuid[], bigint[]) is
  'Writes an external fact into the ledger; false where it is there already.';
--! EndIncluded payments/internal/post_ledger.sql
--! Included payments/internal/store_stripe_event.sql
create or replace function app_private.store_stripe_event(
  id text, type text, object_id text, payload jsonb
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_private.stripe_events (id, type, object_id, payload)
  values (
    store_stripe_event.id, store_stripe_event.type, store_stripe_event.object_id,
    store_stripe_event.payload
  )
  on conflict on constraint stripe_events_pkey do nothing;
  if not found then
    return false;
  end if;
  perform app_hidden.add_job(
    'process_stripe_event',
    jsonb_build_object('eventId', store_stripe_event.id),
    'stripe_event:' || store_stripe_event.id,
    max_attempts => 25,
    -- What is about one object is fetched and applied one after the other: of two jobs at once, the
    -- slower could apply what it had fetched before the faster.
    queue_name => 'stripe:' || store_stripe_event.object_id
  );
  return true;
end
$$;

grant execute on function app_private.store_stripe_event(text, text, text, jsonb)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.store_stripe_event(text, text, text, jsonb) is
  'Keeps an event and queues its job in one transaction; false where it was kept before.';
--! EndIncluded payments/internal/store_stripe_event.sql
--! Included payments/internal/stripe_event.sql
create or replace function app_private.stripe_event(
  event_id text, out type text, out object_id text, out payload jsonb, out is_processed boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.type, e.object_id, e.payload, e.processed_at is not null
  from app_private.stripe_events e where e.id = stripe_event.event_id
$$;

grant execute on function app_private.stripe_event(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.stripe_event(text) is 'A stored event, for the job that acts on it.';
--! EndIncluded payments/internal/stripe_event.sql
--! Included payments/internal/mark_stripe_event_processed.sql
create or replace function app_private.mark_stripe_event_processed(event_id text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.stripe_events e
  set processed_at = coalesce(e.processed_at, app_hidden.clock())
  where e.id = mark_stripe_event_processed.event_id
$$;

grant execute on function app_private.mark_stripe_event_processed(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mark_stripe_event_processed(text) is 'Notes that an event has been acted on.';
--! EndIncluded payments/internal/mark_stripe_event_processed.sql
--! Included payments/internal/queue_intent_cancellation.sql
create or replace function app_hidden.queue_intent_cancellation(payment_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.add_job(
    'cancel_payment_intent',
    jsonb_build_object('paymentId', payment_id),
    'cancel_payment_intent:' || payment_id,
    -- In line with the events of the intent: see store_stripe_event().
    queue_name => (
      select 'stripe:' || p.stripe_payment_intent_id from app_public.payments p
      where p.id = queue_intent_cancellation.payment_id
    )
  )
$$;

comment on function app_hidden.queue_intent_cancellation(uuid) is
  'Asks Stripe to take no more money for a payment.';
--! EndIncluded payments/internal/queue_intent_cancellation.sql
--! Included payments/triggers/tg_bookings__cancel_intent.sql
create or replace function app_hidden.tg_bookings__cancel_intent() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.queue_intent_cancellation(p.id)
  from app_public.payments p
  where p.booking_id = NEW.id
    and p.stripe_payment_intent_id is not null
    and p.status in ('requires_payment', 'requires_action', 'processing', 'authorised');
  return null;
end
$$;

create or replace trigger _600_cancel_intent
  after update of status on app_public.bookings
  for each row when (NEW.status in ('expired', 'cancelled', 'declined'))
  execute function app_hidden.tg_bookings__cancel_intent();

comment on function app_hidden.tg_bookings__cancel_intent() is
  'When a booking ends unpaid, its intent is cancelled at Stripe.';
--! EndIncluded payments/triggers/tg_bookings__cancel_intent.sql
--! Included payments/internal/begin_payment.sql
/*
 * The payment of a booking that waits for it: the one there is, or a new one. The amount is the
 * booking's. Called by the server with the guest's claims; Stripe is asked after this has
 * committed, with the payment's id as idempotency key.
 */
create or replace function app_private.begin_payment(booking_id uuid) returns app_public.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = begin_payment.booking_id and b.guest_id = v_user_id
  for update;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01';
  end if;
  if v_booking.status in ('confirmed', 'completed') then
    raise exception 'This booking is paid.' using errcode = 'SBB06';
  end if;
  if v_booking.status = 'expired'
    or (v_booking.status = 'pending_payment' and v_booking.hold_expires_at <= app_hidden.clock())
  then
    raise exception 'The hold has expired; ask for a new quote.' using errcode = 'SBB07';
  end if;
  if v_booking.status <> 'pending_payment' then
    raise exception 'A booking that is % cannot be paid.', v_booking.status using errcode = 'SBB06';
  end if;

  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.status not in ('failed', 'cancelled');
  if v_payment.id is null then
    insert into app_public.payments (booking_id, currency, amount)
    values (v_booking.id, v_booking.currency, v_booking.total_amount)
    returning * into v_payment;
  end if;
  return v_payment;
end
$$;

grant execute on function app_private.begin_payment(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_payment(uuid) is
  'The live payment of a booking of whoever is signed in; made when first asked for.';
--! EndIncluded payments/internal/begin_payment.sql
--! Included payments/internal/attach_payment_intent.sql
/*
 * Notes which intent Stripe made for a payment. Where the booking ended while Stripe was being
 * asked, the intent is cancelled again, so that nobody pays for nothing. The booking is locked
 * first: one that ends at the same moment either sees the intent, or is seen here to have ended.
 * Locks: booking, then payment.
 */
create or replace function app_private.attach_payment_intent(payment_id uuid, intent_id text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_status app_public.booking_status;
begin
  select b.status into v_booking_status from app_public.bookings b
  where b.id = (
    select p.booking_id from app_public.payments p where p.id = attach_payment_intent.payment_id
  )
  for update;
  update app_public.payments p
  set stripe_payment_intent_id = attach_payment_intent.intent_id
  where p.id = attach_payment_intent.payment_id and p.stripe_payment_intent_id is null;
  if not found then
    return;
  end if;
  if v_booking_status in ('expired', 'cancelled', 'declined') then
    perform app_hidden.queue_intent_cancellation(attach_payment_intent.payment_id);
  end if;
end
$$;

grant execute on function app_private.attach_payment_intent(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.attach_payment_intent(uuid, text) is 'Notes Stripe''s intent of a payment.';
--! EndIncluded payments/internal/attach_payment_intent.sql
--! Included payments/internal/payment_for_job.sql
create or replace function app_private.payment_for_job(
  payment_id uuid,
  out stripe_payment_intent_id text, out status app_public.payment_status
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.stripe_payment_intent_id, p.status
  from app_public.payments p where p.id = payment_for_job.payment_id
$$;

grant execute on function app_private.payment_for_job(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.payment_for_job(uuid) is 'What a job needs to ask Stripe about a payment.';
--! EndIncluded payments/internal/payment_for_job.sql
--! Included payments/internal/settle_payment.sql
/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform; one that came too late is kept
 * apart in guest_clearing until it has gone back.
 */
create or replace function app_hidden.settle_payment(
  payment app_public.payments,
  booking app_public.bookings,
  received_amount bigint,
  charge_id text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_sold boolean;
  v_refund_id uuid;
begin
  if settle_payment.received_amount is distinct from payment.amount or settle_payment.charge_id is null then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = settle_payment.received_amount,
      stripe_charge_id = settle_payment.charge_id, failure_code = null
  where p.id = payment.id;

  v_sold := app_hidden.sell_stay(booking);
  perform app_hidden.post_ledger(
    'charge:' || settle_payment.charge_id,
    case when v_sold then 'charge' else 'late_charge' end,
    booking.id,
    payment.currency,
    array[
      app_hidden.ledger_account('stripe_balance', payment.currency),
      case when v_sold
        then app_hidden.ledger_account('host_payable', payment.currency, booking.host_id)
        else app_hidden.ledger_account('guest_clearing', payment.currency)
      end,
      app_hidden.ledger_account('platform_revenue', payment.currency)
    ],
    case when v_sold
      then array[payment.amount, -booking.host_amount, -booking.platform_amount]
      else array[payment.amount, -payment.amount, 0]
    end
  );

  if v_sold then
    perform app_hidden.queue_mail('booking_confirmed_guest', booking.guest_id, booking.id);
    perform app_hidden.queue_mail('booking_confirmed_host', booking.host_id, booking.id);
    return 'confirmed';
  end if;

  insert into app_public.refunds (payment_id, reason, currency, amount)
  values (payment.id, 'The payment came after the hold had expired.', payment.currency, payment.amount)
  returning id into v_refund_id;
  perform app_hidden.add_job(
    'create_refund', jsonb_build_object('refundId', v_refund_id), 'refund:' || v_refund_id,
    max_attempts => 25
  );
  return 'refunding';
end
$$;

comment on function app_hidden.settle_payment(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
--! EndIncluded payments/internal/settle_payment.sql
--! Included payments/internal/apply_payment_intent.sql
/*
 * Brings our payment to where Stripe's intent is, as re-fetched by the job. It may be called any
 * number of times, in any order: states only move forward, and each effect is written once.
 *
 * Money that arrived: a booking that waits becomes confirmed. A booking whose hold expired takes
 * its nights again; where that is not possible any more, the money goes back. Never neither (M6).
 * Locks: availability, then booking, then payment, then ledger accounts.
 *
 * Returns what was done: unknown, unchanged, noted, confirmed, refunding.
 */
create or replace function app_private.apply_payment_intent(
  intent_id text,
  payment_id uuid,
  intent_status text,
  received_amount bigint,
  charge_id text,
  failure_code text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select b.* into v_booking
  from app_public.payments p join app_public.bookings b on b.id = p.booking_id
  where p.stripe_payment_intent_id = apply_payment_intent.intent_id
    or (p.id = apply_payment_intent.payment_id and p.stripe_payment_intent_id is null);
  if v_booking.id is null then
    return 'unknown';
  end if;

  perform from app_hidden.listing_availability a
  where a.listing_id = v_booking.listing_id order by a.unit_number for update;
  select b.* into v_booking from app_public.bookings b where b.id = v_booking.id for update;
  -- Stripe may report before the server has noted the intent: the metadata has our id.
  update app_public.payments p
  set stripe_payment_intent_id = apply_payment_intent.intent_id,
      failure_code = coalesce(apply_payment_intent.failure_code, p.failure_code)
  where p.booking_id = v_booking.id
    and (p.stripe_payment_intent_id = apply_payment_intent.intent_id
      or (p.id = apply_payment_intent.payment_id and p.stripe_payment_intent_id is null))
  returning p.* into v_payment;

  -- Another intent was noted in the meantime: this one is not ours to act on.
  if v_payment.id is null then
    return 'unknown';
  end if;
  if v_payment.status not in ('requires_payment', 'requires_action', 'processing', 'authorised') then
    return 'unchanged';
  end if;
  if apply_payment_intent.intent_status = 'succeeded' then
    return app_hidden.settle_payment(
      v_payment, v_booking, apply_payment_intent.received_amount, apply_payment_intent.charge_id
    );
  end if;

  update app_public.payments p
  set status = case apply_payment_intent.intent_status
    when 'requires_action' then 'requires_action'
    when 'processing' then 'processing'
    when 'requires_capture' then 'authorised'
    when 'canceled' then 'cancelled'
    else 'requires_payment'
  end::app_public.payment_status
  where p.id = v_payment.id;
  -- While the bank decides, the nights stay held; when it has said no, the old limit counts again.
  update app_public.calendar_claims c
  set expires_at = case
    when apply_payment_intent.intent_status = 'processing' then null
    else v_booking.hold_expires_at
  end
  where c.booking_id = v_booking.id and c.kind = 'hold';
  return 'noted';
end
$$;

grant execute on function app_private.apply_payment_intent(text, uuid, text, bigint, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_payment_intent(text, uuid, text, bigint, text, text) is
  'Brings a payment to where Stripe''s intent is; repeatable, in any order.';
--! EndIncluded payments/internal/apply_payment_intent.sql
--! Included payments/internal/refund_for_job.sql
create or replace function app_private.refund_for_job(
  refund_id uuid,
  out status app_public.refund_status, out amount bigint, out stripe_payment_intent_id text,
  out stripe_refund_id text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.status, r.amount, p.stripe_payment_intent_id, r.stripe_refund_id
  from app_public.refunds r join app_public.payments p on p.id = r.payment_id
  where r.id = refund_for_job.refund_id
$$;

grant execute on function app_private.refund_for_job(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.refund_for_job(uuid) is 'What a job needs to ask Stripe for a refund.';
--! EndIncluded payments/internal/refund_for_job.sql
--! Included payments/internal/apply_refund.sql
/*
 * Brings our refund to where Stripe's is, as re-fetched. A refund can fail after it had succeeded:
 * then the money is with us again and the ledger takes the entry back. Locks: booking, then
 * payment, then ledger accounts.
 */
create or replace function app_private.apply_refund(
  refund_id uuid, stripe_refund_id text, stripe_status text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_payment app_public.payments;
  v_booking app_public.bookings;
  v_old_status app_public.refund_status;
  v_new_status app_public.refund_status := case apply_refund.stripe_status
    when 'succeeded' then 'succeeded'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
    else 'pending'
  end;
  v_amount bigint;
begin
  select b.* into v_booking
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  join app_public.bookings b on b.id = p.booking_id
  where r.id = apply_refund.refund_id
  for update of b;
  if v_booking.id is null then
    return 'unknown';
  end if;
  select r.* into v_refund from app_public.refunds r where r.id = apply_refund.refund_id for update;
  select p.* into v_payment from app_public.payments p where p.id = v_refund.payment_id for update;
  v_old_status := v_refund.status;
  -- Only forward: requested, pending, succeeded, failed.
  if v_new_status <= v_old_status then
    return 'unchanged';
  end if;

  update app_public.refunds r
  set status = v_new_status, stripe_refund_id = apply_refund.stripe_refund_id
  where r.id = v_refund.id;
  v_amount := case
    when v_new_status = 'succeeded' then v_refund.amount
    when v_new_status = 'failed' and v_old_status = 'succeeded' then -v_refund.amount
  end;
  if v_amount is null then
    return case v_new_status when 'failed' then 'failed' else 'noted' end;
  end if;

  update app_public.payments p
  set refunded_amount = p.refunded_amount + v_amount,
      status = case p.refunded_amount + v_amount
        when 0 then 'captured'
        when p.captured_amount then 'refunded'
        else 'partially_refunded'
      end::app_public.payment_status
  where p.id = v_payment.id;
  perform app_hidden.post_ledger(
    case when v_amount > 0 then 'refund:' else 'refund_failure:' end || apply_refund.stripe_refund_id,
    case when v_amount > 0 then 'refund' else 'refund_failure' end,
    v_booking.id,
    v_refund.currency,
    array[
      app_hidden.ledger_account('guest_clearing', v_refund.currency),
      app_hidden.ledger_account('stripe_balance', v_refund.currency)
    ],
    array[v_amount, -v_amount]
  );
  if v_amount > 0 then
    perform app_hidden.queue_mail('late_payment_refunded', v_booking.guest_id, v_booking.id);
  end if;
  return v_new_status::text;
end
$$;

grant execute on function app_private.apply_refund(uuid, text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_refund(uuid, text, text) is
  'Brings a refund to where Stripe''s is; repeatable, in any order.';
--! EndIncluded payments/internal/apply_refund.sql
--! Included payments/internal/ledger_drift.sql
/*
 * The checks that must find nothing, for the operator and the tests: transactions that do not sum
 * to zero (M1), and bookings where charged - refunded differs from host payable + platform +
 * clearing (M4).
 */
create or replace function app_private.ledger_drift()
returns table (finding text, id uuid, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select 'unbalanced transaction', e.transaction_id, sum(e.amount)::bigint
  from app_public.ledger_entries e
  group by e.transaction_id, e.currency
  having sum(e.amount) <> 0
  union all
  select 'booking differs from its payments', p.booking_id,
    (sum(p.captured_amount - p.refunded_amount) - coalesce(max(l.amount), 0))::bigint
  from app_public.payments p
  left join (
    select t.booking_id, -sum(e.amount) as amount
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    where a.kind in ('host_payable', 'platform_revenue', 'tax_payable', 'guest_clearing')
    group by t.booking_id
  ) l on l.booking_id = p.booking_id
  group by p.booking_id
  having sum(p.captured_amount - p.refunded_amount) <> coalesce(max(l.amount), 0)
$$;

grant execute on function app_private.ledger_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.ledger_drift() is 'What is wrong with the ledger; nothing, or something is broken.';
--! EndIncluded payments/internal/ledger_drift.sql

-- reviews
--! Included reviews/tables/reviews.sql
/*
 * What people say of each other after a stay. Guests rate the stay, hosts the guest: one a booking
 * and direction. An unpublished review (published_at null) is invisible to the other side, which is
 * how both can be written blind; today a guest's review is published at once.
 */
do $$
begin
  create type app_public.review_direction as enum ('guest_to_host', 'host_to_guest');
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.reviews (
  id uuid not null default uuidv7() constraint reviews_pkey primary key,
  booking_id uuid not null
    constraint reviews_booking_id_fkey references app_public.bookings on delete restrict,
  listing_id uuid not null
    constraint reviews_listing_id_fkey references app_public.listings on delete restrict,
  direction app_public.review_direction not null,
  author_id uuid not null
    constraint reviews_author_id_fkey references app_public.users on delete restrict,
  subject_id uuid not null
    constraint reviews_subject_id_fkey references app_public.users on delete restrict,
  rating smallint not null,
  cleanliness_rating smallint,
  accuracy_rating smallint,
  check_in_rating smallint,
  communication_rating smallint,
  location_rating smallint,
  value_rating smallint,
  comment text not null,
  published_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),

  -- One review a booking and direction.
  constraint reviews_booking_id_key unique (booking_id, direction),
  constraint reviews_rating_fits check (rating between 1 and 5),
  constraint reviews_category_ratings_fit check (
    cleanliness_rating between 1 and 5 and accuracy_rating between 1 and 5
    and check_in_rating between 1 and 5 and communication_rating between 1 and 5
    and location_rating between 1 and 5 and value_rating between 1 and 5
  ),
  constraint reviews_comment_has_length check (length(btrim(comment)) between 1 and 5000)
);

alter table app_public.reviews enable row level security;
alter table app_public.reviews force row level security;

-- The reviews of a listing, newest first.
create index if not exists reviews_listing_id_idx on app_public.reviews (listing_id, id);
create index if not exists reviews_author_id_idx on app_public.reviews (author_id);
create index if not exists reviews_subject_id_idx on app_public.reviews (subject_id);

comment on type app_public.review_direction is 'Who reviews whom.';
comment on table app_public.reviews is 'What a guest says of a stay, or a host of a guest.';
comment on column app_public.reviews.id is 'Public id of the review.';
comment on column app_public.reviews.booking_id is 'The stay it is about.';
comment on column app_public.reviews.listing_id is 'Where the stay was.';
comment on column app_public.reviews.direction is 'Who reviews whom.';
comment on column app_public.reviews.author_id is 'Who wrote it.';
comment on column app_public.reviews.subject_id is 'Who it is about: the host, or the guest.';
comment on column app_public.reviews.rating is 'Overall, 1 to 5.';
comment on column app_public.reviews.cleanliness_rating is '1 to 5, or null.';
comment on column app_public.reviews.accuracy_rating is '1 to 5, or null.';
comment on column app_public.reviews.check_in_rating is '1 to 5, or null.';
comment on column app_public.reviews.communication_rating is '1 to 5, or null.';
comment on column app_public.reviews.location_rating is '1 to 5, or null.';
comment on column app_public.reviews.value_rating is '1 to 5, or null.';
comment on column app_public.reviews.comment is 'Public text of 1 to 5000 characters.';
comment on column app_public.reviews.published_at is 'When everybody could read it first.';
comment on column app_public.reviews.created_at is 'When it was written.';
--! EndIncluded reviews/tables/reviews.sql
--! Included reviews/tables/imported_review_scores.sql
/*
 * What another marketplace's guests thought, as imported with a listing. Not our reviews, and not
 * shown as such; it lets search order an imported city before it has reviews of its own.
 */
create table if not exists app_hidden.imported_review_scores (
  listing_id uuid not null
    constraint imported_review_scores_pkey primary key
    constraint imported_review_scores_listing_id_fkey references app_public.listings on delete cascade,
  review_count integer not null,
  rating numeric(4, 2),
  accuracy_rating numeric(4, 2),
  cleanliness_rating numeric(4, 2),
  check_in_rating numeric(4, 2),
  communication_rating numeric(4, 2),
  location_rating numeric(4, 2),
  value_rating numeric(4, 2),

  constraint imported_review_scores_count_is_not_negative check (review_count >= 0),
  constraint imported_review_scores_rating_fits check (rating between 0 and 5)
);

alter table app_hidden.imported_review_scores enable row level security;
alter table app_hidden.imported_review_scores force row level security;

comment on table app_hidden.imported_review_scores is 'Review scores that came with an imported listing.';
--! EndIncluded reviews/tables/imported_review_scores.sql
--! Included reviews/policies/reviews.sql
select app_hidden.drop_policies('app_public.reviews');

create policy definer_all on app_public.reviews to :DATABASE_OWNER using (true) with check (true);
create policy select_published on app_public.reviews for select to :DATABASE_VISITOR
  using (published_at is not null);
create policy select_own on app_public.reviews for select to :DATABASE_VISITOR
  using (author_id = (select app_public.current_user_id()));
create policy select_operator on app_public.reviews for select to :DATABASE_OPERATOR using (true);
-- No insert: submit_review() checks the stay. No update or delete: what was said stays.

grant select on app_public.reviews to :DATABASE_VISITOR;
--! EndIncluded reviews/policies/reviews.sql
--! Included reviews/policies/imported_review_scores.sql
select app_hidden.drop_policies('app_hidden.imported_review_scores');
create policy definer_all on app_hidden.imported_review_scores to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded reviews/policies/imported_review_scores.sql
--! Included reviews/triggers/tg_reviews__rate_listing.sql
create or replace function app_hidden.tg_reviews__rate_listing() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.listings l
  set review_count = r.review_count, review_rating_sum = r.review_rating_sum
  from (
    select count(*)::integer as review_count, coalesce(sum(rating), 0)::integer as review_rating_sum
    from app_public.reviews
    where listing_id = coalesce(NEW.listing_id, OLD.listing_id)
      and direction = 'guest_to_host' and published_at is not null
  ) r
  where l.id = coalesce(NEW.listing_id, OLD.listing_id);
  return null;
end
$$;

create or replace trigger _500_rate_listing
  after insert or update or delete on app_public.reviews
  for each row execute function app_hidden.tg_reviews__rate_listing();

comment on function app_hidden.tg_reviews__rate_listing() is
  'Keeps the count and sum of published ratings on the listing.';
--! EndIncluded reviews/triggers/tg_reviews__rate_listing.sql
--! Included reviews/mutations/submit_review.sql
/*
 * The guest rates the stay, from the local check-out day on. The listing row is locked first, so
 * that two reviews of one listing count one after the other; weakly enough that bookings may go on.
 */
create or replace function app_public.submit_review(
  booking_id uuid,
  rating integer,
  comment text,
  cleanliness_rating integer default null,
  accuracy_rating integer default null,
  check_in_rating integer default null,
  communication_rating integer default null,
  location_rating integer default null,
  value_rating integer default null
) returns app_public.reviews
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
  v_review app_public.reviews;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = submit_review.booking_id and b.guest_id = v_user_id;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  if v_booking.status not in ('confirmed', 'completed')
    or (app_hidden.clock() at time zone v_booking.time_zone)::date < v_booking.check_out
  then
    raise exception 'A stay can be reviewed from the day of check-out on.'
      using errcode = 'SBR01', column = 'booking_id';
  end if;
  if submit_review.rating is null or submit_review.rating not between 1 and 5 then
    raise exception 'Rate from 1 to 5.' using errcode = 'SBR03', column = 'rating';
  end if;

  perform from app_public.listings l where l.id = v_booking.listing_id for no key update;
  insert into app_public.reviews (
    booking_id, listing_id, direction, author_id, subject_id, rating, comment,
    cleanliness_rating, accuracy_rating, check_in_rating, communication_rating,
    location_rating, value_rating, published_at
  )
  values (
    v_booking.id, v_booking.listing_id, 'guest_to_host', v_user_id, v_booking.host_id,
    submit_review.rating, btrim(coalesce(submit_review.comment, '')),
    submit_review.cleanliness_rating, submit_review.accuracy_rating,
    submit_review.check_in_rating, submit_review.communication_rating,
    submit_review.location_rating, submit_review.value_rating, app_hidden.clock()
  )
  on conflict on constraint reviews_booking_id_key do nothing
  returning * into v_review;
  if v_review.id is null then
    raise exception 'This stay is reviewed already.' using errcode = 'SBR02', column = 'booking_id';
  end if;
  return v_review;
end
$$;

grant execute on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) is 'Rates a stay after check-out: overall and, where given, by category, 1 to 5. Once a booking.';
--! EndIncluded reviews/mutations/submit_review.sql

-- search
--! Included search/tables/search_bits.sql
/*
 * The dictionary of the search mask: which bit of attrs means what. A bit is never given another
 * meaning; bits 47 to 62 are free.
 */
create table if not exists app_hidden.search_bits (
  kind text not null,
  code text not null,
  bit smallint not null,

  constraint search_bits_pkey primary key (kind, code),
  constraint search_bits_bit_key unique (bit),
  constraint search_bits_bit_fits_bigint check (bit between 0 and 62),
  constraint search_bits_kind_is_known
    check (kind in ('type', 'booking_mode', 'rating', 'amenity'))
);

alter table app_hidden.search_bits enable row level security;
alter table app_hidden.search_bits force row level security;

comment on table app_hidden.search_bits is 'What each bit of the search mask means.';
--! EndIncluded search/tables/search_bits.sql
--! Included search/tables/search_cells.sql
/*
 * The static projection of published listings that search walks: public facts only, one row for
 * each of six map levels, never touched by a booking. cell says level and square of the map
 * (search_cell); within a cell the key keeps listings in the order of their score, and carries
 * everything that search filters by, so that a page is read from the index alone and stops when it
 * is full.
 */
create table if not exists app_hidden.search_cells (
  cell bigint not null,
  score integer not null,
  listing_id uuid not null
    constraint search_cells_listing_id_fkey references app_public.listings on delete cascade,
  longitude_e6 integer not null,
  latitude_e6 integer not null,
  nightly_floor_amount bigint not null,
  attrs bigint not null,
  max_guests smallint not null,
  -- No foreign key: the projection only copies what listing_rates refers to.
  currency_number smallint not null,

  constraint search_cells_pkey primary key (cell, score, listing_id)
    include (longitude_e6, latitude_e6, nightly_floor_amount, attrs, max_guests, currency_number)
);

alter table app_hidden.search_cells enable row level security;
alter table app_hidden.search_cells force row level security;

-- For refresh_search() and the foreign key.
create index if not exists search_cells_listing_id_idx on app_hidden.search_cells (listing_id);

comment on table app_hidden.search_cells is 'Published listings by map cell and score, as search walks them.';
--! EndIncluded search/tables/search_cells.sql
--! Included search/policies/search_bits.sql
select app_hidden.drop_policies('app_hidden.search_bits');
-- Read by functions only: no grant to anybody.
create policy definer_all on app_hidden.search_bits to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded search/policies/search_bits.sql
--! Included search/data/search_bits.sql
insert into app_hidden.search_bits (kind, code, bit)
values
  ('type', 'entire_home', 0),
  ('type', 'private_room', 1),
  ('type', 'shared_room', 2),
  ('type', 'hotel_room', 3),
  ('booking_mode', 'instant', 4),
  ('rating', '3', 5),
  ('rating', '4', 6),
  ('rating', '4.5', 7),
  ('rating', '4.8', 8),
  ('amenity', 'air_conditioning', 9),
  ('amenity', 'balcony', 10),
  ('amenity', 'bathtub', 11),
  ('amenity', 'bbq_grill', 12),
  ('amenity', 'beach_access', 13),
  ('amenity', 'breakfast', 14),
  ('amenity', 'carbon_monoxide_alarm', 15),
  ('amenity', 'coffee_maker', 16),
  ('amenity', 'cot', 17),
  ('amenity', 'dedicated_workspace', 18),
  ('amenity', 'dishwasher', 19),
  ('amenity', 'dryer', 20),
  ('amenity', 'elevator', 21),
  ('amenity', 'essentials', 22),
  ('amenity', 'ev_charger', 23),
  ('amenity', 'fire_extinguisher', 24),
  ('amenity', 'first_aid_kit', 25),
  ('amenity', 'free_parking', 26),
  ('amenity', 'garden', 27),
  ('amenity', 'gym', 28),
  ('amenity', 'hair_dryer', 29),
  ('amenity', 'heating', 30),
  ('amenity', 'hot_tub', 31),
  ('amenity', 'indoor_fireplace', 32),
  ('amenity', 'iron', 33),
  ('amenity', 'kitchen', 34),
  ('amenity', 'microwave', 35),
  ('amenity', 'pets_allowed', 36),
  ('amenity', 'pool', 37),
  ('amenity', 'private_entrance', 38),
  ('amenity', 'self_check_in', 39),
  ('amenity', 'smoke_alarm', 40),
  ('amenity', 'smoking_allowed', 41),
  ('amenity', 'step_free_access', 42),
  ('amenity', 'tv', 43),
  ('amenity', 'washer', 44),
  ('amenity', 'waterfront', 45),
  ('amenity', 'wifi', 46)
on conflict (kind, code) do update set bit = excluded.bit;
--! EndIncluded search/data/search_bits.sql
--! Included search/policies/search_cells.sql
select app_hidden.drop_policies('app_hidden.search_cells');
-- Read through search_listings() only.
create policy definer_all on app_hidden.search_cells to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded search/policies/search_cells.sql
--! Included search/internal/spread_bits.sql
-- Puts a zero before each of the lowest 16 bits of a number: half of a Morton code. Inlined where
-- it is called.
create or replace function app_hidden.spread_bits(value integer) returns bigint
language sql immutable parallel safe
return replace(replace(value::bit(16)::text, '0', '00'), '1', '01')::bit(32)::bigint;

comment on function app_hidden.spread_bits(integer) is 'The lowest 16 bits of a number, each with a zero bit above it.';
--! EndIncluded search/internal/spread_bits.sql
--! Included search/internal/mercator_x.sql
-- Web-Mercator coordinate from the date line (0) east to just below 1. Inlined where it is called.
create or replace function app_hidden.mercator_x(longitude double precision) returns double precision
language sql immutable parallel safe
return least(greatest((longitude + 180) / 360, 0), 1 - 1e-12::double precision);

comment on function app_hidden.mercator_x(double precision) is
  'Web-Mercator coordinate in [0, 1) of a longitude in degrees, from west to east.';
--! EndIncluded search/internal/mercator_x.sql
--! Included search/internal/mercator_y.sql
-- Web-Mercator coordinate from the north (0) to just below 1; the poles are cut off. Inlined where
-- it is called.
create or replace function app_hidden.mercator_y(latitude double precision) returns double precision
language sql immutable parallel safe
return least(greatest(
  (1 - asinh(tan(radians(least(greatest(latitude, -85.05), 85.05)))) / pi()) / 2, 0
), 1 - 1e-12::double precision);

comment on function app_hidden.mercator_y(double precision) is
  'Web-Mercator coordinate in [0, 1) of a latitude in degrees, from north to south.';
--! EndIncluded search/internal/mercator_y.sql
--! Included search/internal/search_cell.sql
/*
 * The number of a map square: its level above, its Morton code below, so that neighbours on the map
 * are mostly neighbours on disk, and that a square's code is the first bits of its parts' codes.
 */
create or replace function app_hidden.search_cell(level integer, x integer, y integer) returns bigint
language sql immutable parallel safe
return (level::bigint << 52) | app_hidden.spread_bits(x) | (app_hidden.spread_bits(y) << 1);

comment on function app_hidden.search_cell(integer, integer, integer) is
  'The number of square (x, y) of the 2^level by 2^level squares of the map.';
--! EndIncluded search/internal/search_cell.sql
--! Included search/internal/search_windows.sql
/*
 * Where to look for a box: the finest level whose squares are at least as large as it, and the at
 * most four squares that it touches there. The map goes on east of the date line (west > east)
 * where it began.
 */
create or replace function app_hidden.search_windows(
  west double precision, south double precision, east double precision, north double precision
) returns bigint[]
language plpgsql immutable
as $$
declare
  v_x1 double precision := app_hidden.mercator_x(west);
  v_y1 double precision := app_hidden.mercator_y(north);
  v_x2 double precision := app_hidden.mercator_x(east) + case when west > east then 1 else 0 end;
  v_y2 double precision := app_hidden.mercator_y(south);
  v_size double precision;
  v_level integer;
  v_squares integer;
  v_first integer;
  v_cells bigint[] := '{}';
begin
  v_size := greatest(v_x2 - v_x1, v_y2 - v_y1);
  v_level := case
    when v_size <= 1.0 / (1 << 13) then 13
    when v_size <= 1.0 / (1 << 11) then 11
    when v_size <= 1.0 / (1 << 9) then 9
    when v_size <= 1.0 / (1 << 7) then 7
    when v_size <= 1.0 / (1 << 5) then 5
    else 0
  end;
  v_squares := 1 << v_level;
  v_first := floor(v_x1 * v_squares);
  for v_y in floor(v_y1 * v_squares)::integer .. floor(v_y2 * v_squares)::integer loop
    -- Round the world there are only so many squares.
    for v_x in v_first .. least(floor(v_x2 * v_squares)::integer, v_first + v_squares - 1) loop
      v_cells := v_cells || app_hidden.search_cell(v_level, v_x % v_squares, v_y);
    end loop;
  end loop;
  return v_cells;
end
$$;

comment on function app_hidden.search_windows(
  double precision, double precision, double precision, double precision
) is 'The map squares to search for a box in degrees, at most four.';
--! EndIncluded search/internal/search_windows.sql
--! Included search/internal/search_candidates.sql
/*
 * The listings of one map square that pass what can be judged by the projection alone, in the order
 * of their score, from behind a given one. One index-only scan, backwards; the caller merges some
 * of these and stops early.
 *
 * Longitudes are counted east from the box's western edge, which is right on both sides of the date
 * line. The place behind the given listing is written without a row comparison, which the index
 * would evaluate for every entry. Kept such that the planner inlines it: language sql, stable, no
 * set clause, called in FROM.
 */
create or replace function app_hidden.search_candidates(
  cell bigint, after_score integer, after_listing_id uuid,
  west_e6 integer, width_e6 integer, south_e6 integer, north_e6 integer,
  guests integer, need bigint, any_of bigint, currency_number smallint,
  least_amount bigint, most_amount bigint
) returns table (
  score integer,
  listing_id uuid,
  longitude_e6 integer,
  latitude_e6 integer,
  nightly_floor_amount bigint,
  currency_number smallint
)
language sql stable
as $$
  select s.score, s.listing_id, s.longitude_e6, s.latitude_e6, s.nightly_floor_amount, s.currency_number
  from app_hidden.search_cells s
  where s.cell = search_candidates.cell
    and s.score <= search_candidates.after_score
    and (s.score < search_candidates.after_score
      or s.listing_id < search_candidates.after_listing_id)
    and (s.longitude_e6 - search_candidates.west_e6 + 360000000) % 360000000
      <= search_candidates.width_e6
    and s.latitude_e6 between search_candidates.south_e6 and search_candidates.north_e6
    and s.attrs & search_candidates.need = search_candidates.need
    and s.nightly_floor_amount between search_candidates.least_amount and search_candidates.most_amount
    and s.max_guests >= search_candidates.guests
    and s.attrs & search_candidates.any_of <> 0
    and (search_candidates.currency_number is null
      or s.currency_number = search_candidates.currency_number)
  order by s.score desc, s.listing_id desc
$$;

comment on function app_hidden.search_candidates(
  bigint, integer, uuid, integer, integer, integer, integer, integer, bigint, bigint, smallint, bigint, bigint
) is 'Listings of one map square that fit as far as the projection knows, best first.';
--! EndIncluded search/internal/search_candidates.sql
--! Included search/internal/search_projection.sql
/*
 * What search_cells must hold, for one listing or (null) for all: the truth that triggers keep it
 * to and that search_drift() compares with.
 *
 * score, the order of relevance, is at most some 60,000: the average rating pulled towards 4.5 by
 * ten imagined reviews (imported ones count half), in ten-thousandths; up to 1,000 for the number
 * of reviews, up to 500 for photos, 200 for instant booking.
 */
create or replace function app_hidden.search_projection(only_listing_id uuid default null)
returns setof app_hidden.search_cells
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Materialized, or each of the six levels would compute them again.
  with facts as materialized (
    select
      l.id,
      l.public_longitude,
      l.public_latitude,
      l.max_guests,
      c.number as currency_number,
      least(
        r.nightly_amount,
        r.weekend_nightly_amount,
        (select min(d.nightly_amount) from app_public.dated_rates d
          where r.has_dated_rates and d.listing_id = l.id)
      ) as nightly_floor_amount,
      (round(10000 * (l.review_rating_sum + coalesce(i.rating * i.review_count, 0) / 2 + 45)
        / (l.review_count + coalesce(i.review_count, 0) / 2.0 + 10))
        + least(l.review_count + coalesce(i.review_count, 0) / 2, 50) * 20
        + (select least(count(*), 20) * 25 from app_public.listing_photos p where p.listing_id = l.id)
        + case l.booking_mode when 'instant' then 200 else 0 end
      )::integer as score,
      (select coalesce(bit_or(1::bigint << b.bit), 0) from app_hidden.search_bits b
        where case b.kind
          when 'type' then b.code = l.type::text
          when 'booking_mode' then b.code = l.booking_mode::text
          when 'rating' then l.review_count > 0
            and l.review_rating_sum >= b.code::numeric * l.review_count
        end
      ) | (select coalesce(bit_or(1::bigint << b.bit), 0)
        from app_public.listing_amenities a
        join app_hidden.search_bits b on b.kind = 'amenity' and b.code = a.amenity_code
        where a.listing_id = l.id
      ) as attrs
    from app_public.listings l
    join app_public.listing_rates r on r.listing_id = l.id
    join app_public.currencies c on c.code = r.currency
    left join app_hidden.imported_review_scores i on i.listing_id = l.id
    where l.status = 'published' and l.public_longitude is not null
      and (search_projection.only_listing_id is null or l.id = search_projection.only_listing_id)
  )
  select
    -- A square of a coarser level begins with the first bits, two a level.
    (level::bigint << 52) | (m.morton >> (2 * (13 - level))),
    f.score, f.id,
    round(f.public_longitude * 1e6)::integer, round(f.public_latitude * 1e6)::integer,
    f.nightly_floor_amount, f.attrs, f.max_guests, f.currency_number
  from facts f
  cross join lateral (
    select app_hidden.search_cell(
      0,
      floor(app_hidden.mercator_x(f.public_longitude) * (1 << 13))::integer,
      floor(app_hidden.mercator_y(f.public_latitude) * (1 << 13))::integer
    ) as morton
    offset 0
  ) m
  cross join unnest(array[0, 5, 7, 9, 11, 13]) level
$$;

comment on function app_hidden.search_projection(uuid) is
  'The rows that search_cells must have, for one listing or for all.';
--! EndIncluded search/internal/search_projection.sql
--! Included search/internal/refresh_search.sql
create or replace function app_hidden.refresh_search(listing_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_hidden.search_cells[] := array(
    select p from app_hidden.search_projection(refresh_search.listing_id) p
  );
begin
  delete from app_hidden.search_cells s
  where s.listing_id = refresh_search.listing_id
    and not exists (select from unnest(v_wanted) w where w = s);
  insert into app_hidden.search_cells
  select w.* from unnest(v_wanted) w
  on conflict on constraint search_cells_pkey do nothing;
end
$$;

comment on function app_hidden.refresh_search(uuid) is 'Brings the search rows of a listing up to date.';
--! EndIncluded search/internal/refresh_search.sql
--! Included search/internal/rebuild_search.sql
/*
 * Writes the whole projection anew, in the order of the map, so that what is near is together on
 * disk. For the operator, after a change of the score or the bits; searches see the old rows until
 * it commits.
 */
create or replace function app_private.rebuild_search() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  delete from app_hidden.search_cells;
  insert into app_hidden.search_cells
  select p.* from app_hidden.search_projection() p order by p.cell, p.score desc;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

grant execute on function app_private.rebuild_search() to :DATABASE_AUTHENTICATOR;

comment on function app_private.rebuild_search() is 'Writes the search projection anew; says how many rows.';
--! EndIncluded search/internal/rebuild_search.sql
--! Included search/internal/search_drift.sql
create or replace function app_private.search_drift() returns table (listing_id uuid, finding text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with wanted as (select * from app_hidden.search_projection()),
  missing as (select * from wanted except all select * from app_hidden.search_cells),
  extra as (select * from app_hidden.search_cells except all select * from wanted)
  select m.listing_id, 'missing' from missing m
  union all
  select e.listing_id, 'extra' from extra e
$$;

grant execute on function app_private.search_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.search_drift() is
  'Where the search projection differs from the listings; nothing, or something is broken.';
--! EndIncluded search/internal/search_drift.sql
--! Included search/triggers/tg__refresh_search.sql
/*
 * Keeps the projection in the same transaction as its cause. Drafts cost one look at the status.
 */
create or replace function app_hidden.tg__refresh_search() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
begin
  if TG_TABLE_NAME = 'listings' then
    v_listing_id := NEW.id;
    if NEW.status <> 'published' and OLD.status <> 'published' then
      return null;
    end if;
  else
    v_listing_id := coalesce(NEW.listing_id, OLD.listing_id);
    if not exists (
      select from app_public.listings l where l.id = v_listing_id and l.status = 'published'
    ) then
      return null;
    end if;
  end if;
  perform app_hidden.refresh_search(v_listing_id);
  return null;
end
$$;

create or replace trigger _700_refresh_search
  after update of status, type, max_guests, booking_mode, public_longitude, public_latitude,
    review_count, review_rating_sum
  on app_public.listings
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_public.dated_rates
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or delete on app_public.listing_amenities
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or delete on app_public.listing_photos
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_hidden.imported_review_scores
  for each row execute function app_hidden.tg__refresh_search();

comment on function app_hidden.tg__refresh_search() is 'Brings the search projection up to date with a listing.';
--! EndIncluded search/triggers/tg__refresh_search.sql
--! Included search/internal/search_mask.sql
/*
 * The mask of bits for some codes of a kind. An amenity that is unknown, or that has no bit, is
 * refused: to ignore a filter would be to lie.
 */
create or replace function app_hidden.search_mask(kind text, codes text[]) returns bigint
language plpgsql stable
as $$
declare
  v_mask bigint;
  v_found integer;
begin
  if cardinality(search_mask.codes) = 0 then
    return 0;
  end if;
  select coalesce(bit_or(1::bigint << b.bit), 0), count(*) into v_mask, v_found
  from app_hidden.search_bits b
  where b.kind = search_mask.kind and b.code = any (search_mask.codes);
  if v_found < cardinality(search_mask.codes)
    and v_found < (select count(distinct code) from unnest(search_mask.codes) code)
  then
    raise exception 'Some of these cannot be searched by: the query amenities says which can.'
      using errcode = 'SBS03', column = 'amenities';
  end if;
  return v_mask;
end
$$;

comment on function app_hidden.search_mask(text, text[]) is
  'The bits of some codes; UNKNOWN_AMENITY where one has none.';
--! EndIncluded search/internal/search_mask.sql
--! Included search/internal/search_rating_mask.sql
create or replace function app_hidden.search_rating_mask(minimum_rating numeric) returns bigint
language plpgsql stable
as $$
declare
  v_mask bigint;
begin
  select 1::bigint << b.bit into v_mask from app_hidden.search_bits b
  where b.kind = 'rating' and b.code::numeric = search_rating_mask.minimum_rating;
  if v_mask is null then
    raise exception 'Search by an average rating of at least 3, 4, 4.5 or 4.8.'
      using errcode = 'SBS04', column = 'minimum_rating';
  end if;
  return v_mask;
end
$$;

comment on function app_hidden.search_rating_mask(numeric) is
  'The bit of a rating step; INVALID_FILTER for what is none.';
--! EndIncluded search/internal/search_rating_mask.sql
--! Included search/internal/search_result.sql
do $$
begin
  create type app_public.search_result as (
    listing_id uuid,
    longitude double precision,
    latitude double precision,
    currency text,
    nightly_floor_amount bigint,
    nights integer,
    total_amount bigint,
    cursor text
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.search_result is 'A listing that was found, with its price for the dates.';
comment on column app_public.search_result.listing_id is 'The listing.';
comment on column app_public.search_result.longitude is 'Degrees east of its public place.';
comment on column app_public.search_result.latitude is 'Degrees north of its public place.';
comment on column app_public.search_result.currency is 'ISO 4217 currency of the amounts.';
comment on column app_public.search_result.nightly_floor_amount is
  'The lowest rate that any night has, before fees, in minor units.';
comment on column app_public.search_result.nights is 'Nights of the stay; null without dates.';
comment on column app_public.search_result.total_amount is
  'What the guest would pay for the stay, all fees included, exactly as quoted, in minor units; null without dates.';
comment on column app_public.search_result.cursor is 'Give it as after to get what follows.';
--! EndIncluded search/internal/search_result.sql
--! Included search/internal/check_search.sql
create or replace function app_hidden.check_search(
  west double precision, south double precision, east double precision, north double precision,
  check_in date, check_out date, guests integer,
  currency text, min_amount bigint, max_amount bigint, page_size integer, after text
) returns void
language plpgsql stable
as $$
begin
  -- NaN compares as larger than any number, so these bounds keep it out too.
  if not coalesce(
    west between -180 and 180 and east between -180 and 180
    and south between -90 and 90 and north between -90 and 90 and south <= north, false
  ) then
    raise exception 'A box needs west and east from -180 to 180, and south up to north from -90 to 90.'
      using errcode = 'SBS01', column = 'west';
  end if;
  if check_search.check_in is not null or check_search.check_out is not null then
    perform app_hidden.check_stay(
      check_search.check_in, check_search.check_out, check_search.guests
    );
    -- Somewhere on Earth it is still yesterday; each listing's own date is compared in its zone.
    if check_search.check_in < (app_hidden.clock() at time zone 'Etc/GMT+12')::date then
      raise exception 'Check-in is in the past.' using errcode = 'SBC03', column = 'check_in';
    end if;
  elsif coalesce(check_search.guests, 0) < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
  if coalesce(check_search.min_amount, check_search.max_amount) is not null
    and check_search.currency is null
  then
    raise exception 'To search by price, say in which currency.' using errcode = 'SBS04', column = 'currency';
  end if;
  if check_search.currency is not null and not exists (
    select from app_public.currencies c where c.code = check_search.currency
  ) then
    raise exception 'Unknown currency: use one of the query currencies, such as EUR.'
      using errcode = 'SBP05', column = 'currency';
  end if;
  if check_search.min_amount < 0 or check_search.max_amount < coalesce(check_search.min_amount, 0) then
    raise exception 'Prices are not negative, and min_amount is at most max_amount.'
      using errcode = 'SBS04', column = 'max_amount';
  end if;
  if check_search.page_size is null or check_search.page_size not between 1 and 100 then
    raise exception 'A page has 1 to 100 results.' using errcode = 'SBG06', column = 'page_size';
  end if;
  if check_search.after is not null
    and check_search.after !~ '^[0-9]{1,9}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  then
    raise exception 'Give as after the cursor of a result.' using errcode = 'SBS02', column = 'after';
  end if;
end
$$;

comment on function app_hidden.check_search(
  double precision, double precision, double precision, double precision, date, date, integer,
  text, bigint, bigint, integer, text
) is 'Refuses a search that makes no sense, with a code that says why.';
--! EndIncluded search/internal/check_search.sql
--! Included search/queries/search_listings.sql
/*
 * One page of search, by relevance. The box's map squares, each walked in the order of its score,
 * are merged; candidates that pass what the projection knows are asked for availability and then
 * for the exact total, one by one, until the page is full. Pages are keyed by (score, listing_id),
 * so no page costs more than the first.
 *
 * The planner cannot see through masks and multiranges; with its default settings it would rather
 * sort everything than stop early. The settings below hold for this function alone, and for the
 * helpers it calls, which set none of their own. "limit 1" keeps the availability apart, which the
 * planner would otherwise push down into each of the four squares. Runs as the owner: the
 * projection has public facts only, and overlap tests cannot use an index under row-level security.
 */
create or replace function app_public.search_listings(
  west double precision,
  south double precision,
  east double precision,
  north double precision,
  check_in date default null,
  check_out date default null,
  guests integer default 1,
  amenities text[] default '{}',
  types app_public.listing_type[] default '{}',
  instant_only boolean default false,
  minimum_rating numeric default null,
  currency text default null,
  min_amount bigint default null,
  max_amount bigint default null,
  page_size integer default 20,
  after text default null
) returns setof app_public.search_result
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_bitmapscan = off
set enable_seqscan = off
set enable_sort = off
as $$
declare
  v_nights integer := search_listings.check_out - search_listings.check_in;
  v_currency_number smallint;
  v_need bigint := 0;
  v_any bigint := -1;
  v_score integer := 2147483647;
  v_listing_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_cells bigint[];
  v_west integer;
  v_east integer;
  v_south integer;
  v_north integer;
  v_width integer;
  v_least bigint := 0;
  v_most bigint := 9223372036854775807;
begin
  perform app_hidden.check_search(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north,
    search_listings.check_in, search_listings.check_out, search_listings.guests,
    search_listings.currency, search_listings.min_amount, search_listings.max_amount,
    search_listings.page_size, search_listings.after
  );
  if search_listings.after is not null then
    v_score := split_part(search_listings.after, '.', 1)::integer;
    v_listing_id := split_part(search_listings.after, '.', 2)::uuid;
  end if;
  if search_listings.currency is not null then
    select c.number into v_currency_number from app_public.currencies c
    where c.code = search_listings.currency;
  end if;
  if cardinality(search_listings.amenities) > 0 then
    v_need := app_hidden.search_mask('amenity', search_listings.amenities);
  end if;
  -- With dates, what is found can be booked; hosts cannot answer requests yet.
  if search_listings.instant_only or v_nights is not null then
    v_need := v_need | app_hidden.search_mask('booking_mode', '{instant}');
  end if;
  if search_listings.minimum_rating is not null then
    v_need := v_need | app_hidden.search_rating_mask(search_listings.minimum_rating);
  end if;
  if cardinality(search_listings.types) > 0 then
    v_any := app_hidden.search_mask('type', search_listings.types::text[]);
  end if;
  if v_nights is null then
    v_least := coalesce(search_listings.min_amount, v_least);
    v_most := coalesce(search_listings.max_amount, v_most);
  elsif search_listings.max_amount is not null then
    -- A total is at least its nights at the lowest rate and the fee on them, whose rounding takes
    -- off at most 5.
    select floor((search_listings.max_amount + 5.0) * 10000 / (10000 + f.guest_service_fee_bps) / v_nights)
    into v_most
    from app_hidden.platform_fees f
    where f.effective_at <= app_hidden.clock()
    order by f.effective_at desc
    limit 1;
  end if;
  v_west := round(search_listings.west * 1e6);
  v_east := round(search_listings.east * 1e6);
  v_south := round(search_listings.south * 1e6);
  v_north := round(search_listings.north * 1e6);
  v_cells := app_hidden.search_windows(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north
  );
  v_width := v_east - v_west + case when v_west > v_east then 360000000 else 0 end;

  return query
  select
    page.listing_id,
    page.longitude_e6 / 1e6::double precision,
    page.latitude_e6 / 1e6::double precision,
    coalesce(
      search_listings.currency,
      (select c.code from app_public.currencies c where c.number = page.currency_number)
    ),
    page.nightly_floor_amount,
    v_nights,
    page.total_amount,
    page.score || '.' || page.listing_id
  from (
    select found.*, price.total_amount
    from (
      select * from app_hidden.search_candidates(
        v_cells[1], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[2], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[3], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[4], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
    ) found
    left join lateral (
      select a.listing_id
      from app_hidden.listing_availability a
      where v_nights is not null
        and a.listing_id = found.listing_id
        and not a.taken && app_hidden.claim_window(
          search_listings.check_in, search_listings.check_out, a.preparation_days
        )
        and app_hidden.stay_keeps_restrictions(a, search_listings.check_in, search_listings.check_out)
      limit 1
    ) unit on true
    -- Asked for what is free alone: a null id finds no rates without looking.
    left join lateral app_hidden.price_stay(
      unit.listing_id, search_listings.check_in, search_listings.check_out, search_listings.guests
    ) price on true
    where v_nights is null
      or (
        price.total_amount >= coalesce(search_listings.min_amount, 0)
        and price.total_amount <= coalesce(search_listings.max_amount, price.total_amount)
      )
    order by found.score desc, found.listing_id desc
    limit search_listings.page_size
  ) page
  order by page.score desc, page.listing_id desc;
end
$$;

grant execute on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) to :DATABASE_VISITOR;

comment on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) is
  'Published listings inside a box in degrees (west > east crosses the date line), most relevant first; with dates, only those that can be booked, with the exact total. Amounts to search by need a currency; with dates they are totals of the stay, without dates nightly rates. At most 100 a page; what comes after the cursor of the last result is the next page.';
--! EndIncluded search/queries/search_listings.sql

-- imports
--! Included imports/tables/imported_hosts.sql
/*
 * Which of our people stands for whom of a source, so that importing again finds them. Imported
 * hosts have no contacts and cannot sign in; nothing is invented for them.
 */
create table if not exists app_private.imported_hosts (
  source text not null,
  external_id text not null,
  user_id uuid not null
    constraint imported_hosts_user_id_fkey references app_public.users on delete cascade,

  constraint imported_hosts_pkey primary key (source, external_id)
);

alter table app_private.imported_hosts enable row level security;
alter table app_private.imported_hosts force row level security;

create index if not exists imported_hosts_user_id_idx on app_private.imported_hosts (user_id);

comment on table app_private.imported_hosts is 'Hosts that came with an import.';
--! EndIncluded imports/tables/imported_hosts.sql
--! Included imports/tables/imported_listings.sql
create table if not exists app_private.imported_listings (
  source text not null,
  external_id text not null,
  listing_id uuid not null
    constraint imported_listings_listing_id_fkey references app_public.listings on delete cascade,
  content_hash text not null,
  imported_at timestamptz not null default app_hidden.clock(),

  constraint imported_listings_pkey primary key (source, external_id)
);

alter table app_private.imported_listings enable row level security;
alter table app_private.imported_listings force row level security;

create index if not exists imported_listings_listing_id_idx on app_private.imported_listings (listing_id);

comment on table app_private.imported_listings is
  'Listings that came with an import, and the hash of what came, so that the same again changes nothing.';
--! EndIncluded imports/tables/imported_listings.sql
--! Included imports/policies/imported_hosts.sql
select app_hidden.drop_policies('app_private.imported_hosts');
create policy definer_all on app_private.imported_hosts to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded imports/policies/imported_hosts.sql
--! Included imports/policies/imported_listings.sql
select app_hidden.drop_policies('app_private.imported_listings');
create policy definer_all on app_private.imported_listings to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded imports/policies/imported_listings.sql
--! Included imports/internal/import_host.sql
/*
 * Hosts have several listings, and listings are imported several at a time: the lock lets the
 * second one find the person whom the first one made.
 */
create or replace function app_hidden.import_host(source text, host jsonb) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  perform pg_advisory_xact_lock(
    hashtextextended('import_host/' || import_host.source || '/' || (host ->> 'externalId'), 0)
  );
  select h.user_id into v_user_id from app_private.imported_hosts h
  where h.source = import_host.source and h.external_id = host ->> 'externalId';
  if v_user_id is null then
    insert into app_public.users (display_name, bio, avatar_url, host_since)
    values (host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl',
      coalesce((host ->> 'hostSince')::timestamptz, app_hidden.clock()))
    returning id into v_user_id;
    insert into app_private.imported_hosts (source, external_id, user_id)
    values (import_host.source, host ->> 'externalId', v_user_id);
  else
    update app_public.users u
    set display_name = host ->> 'displayName', bio = coalesce(host ->> 'bio', ''),
        avatar_url = host ->> 'avatarUrl'
    where u.id = v_user_id
      and row(u.display_name, u.bio, u.avatar_url::text) is distinct from
        row(host ->> 'displayName', coalesce(host ->> 'bio', ''), host ->> 'avatarUrl');
  end if;
  return v_user_id;
end
$$;

comment on function app_hidden.import_host(text, jsonb) is 'The person for a host of an import, made or brought up to date.';
--! EndIncluded imports/internal/import_host.sql
--! Included imports/internal/import_listing_parts.sql
-- Photos, amenities, rates and review scores of an imported listing; see import_listing() for the
-- shape.
create or replace function app_hidden.import_listing_parts(listing_id uuid, listing jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.listing_photos p
  where p.listing_id = import_listing_parts.listing_id
    and not listing -> 'photoUrls' ? p.url::text;
  insert into app_public.listing_photos (listing_id, url, position)
  select import_listing_parts.listing_id, u.url, (u.position - 1)::smallint
  from jsonb_array_elements_text(listing -> 'photoUrls') with ordinality u (url, position)
  where not exists (
    select from app_public.listing_photos p
    where p.listing_id = import_listing_parts.listing_id and p.url = u.url
  );

  delete from app_public.listing_amenities a
  where a.listing_id = import_listing_parts.listing_id
    and not listing -> 'amenityCodes' ? a.amenity_code;
  insert into app_public.listing_amenities (listing_id, amenity_code)
  select import_listing_parts.listing_id, code
  from jsonb_array_elements_text(listing -> 'amenityCodes') code
  on conflict do nothing;

  -- Dated rates refer to the currency of the rates, which may have changed.
  delete from app_public.dated_rates d where d.listing_id = import_listing_parts.listing_id;
  if listing -> 'rates' ->> 'nightlyAmount' is not null then
    insert into app_public.listing_rates (listing_id, currency, nightly_amount)
    values (
      import_listing_parts.listing_id, listing -> 'rates' ->> 'currency',
      (listing -> 'rates' ->> 'nightlyAmount')::bigint
    )
    on conflict on constraint listing_rates_pkey do update
      set currency = excluded.currency, nightly_amount = excluded.nightly_amount;
    insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
    select import_listing_parts.listing_id, (d ->> 'nights')::daterange,
      listing -> 'rates' ->> 'currency', (d ->> 'nightlyAmount')::bigint
    from jsonb_array_elements(listing -> 'datedRates') d;
  end if;

  delete from app_hidden.imported_review_scores s
  where s.listing_id = import_listing_parts.listing_id;
  insert into app_hidden.imported_review_scores (
    listing_id, review_count, rating, accuracy_rating, cleanliness_rating, check_in_rating,
    communication_rating, location_rating, value_rating
  )
  select import_listing_parts.listing_id, (s ->> 'reviewCount')::integer, (s ->> 'rating')::numeric,
    (s ->> 'accuracy')::numeric, (s ->> 'cleanliness')::numeric, (s ->> 'checkIn')::numeric,
    (s ->> 'communication')::numeric, (s ->> 'location')::numeric, (s ->> 'value')::numeric
  from (select listing -> 'reviewScores' as s) scores
  where jsonb_typeof(s) = 'object';
end
$$;

comment on function app_hidden.import_listing_parts(uuid, jsonb) is
  'Replaces what belongs to an imported listing by what came.';
--! EndIncluded imports/internal/import_listing_parts.sql
--! Included imports/internal/import_nights.sql
/*
 * Replaces the imported claims of a listing by what came, less the nights that holds, bookings and
 * the host's own blocks have. The guard row is locked first, as by every writer of nights.
 */
create or replace function app_hidden.import_nights(listing_id uuid, listing jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_came datemultirange;
begin
  perform from app_hidden.listing_availability a
  where a.listing_id = import_nights.listing_id and a.unit_number = 1
  for update;

  select coalesce(range_agg(n::daterange), '{}') into v_came
  from jsonb_array_elements_text(listing -> 'blockedNights') n;

  delete from app_public.calendar_claims c
  where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'import'
    and not exists (select from unnest(v_came) n where n = c.nights);
  perform app_hidden.claim_nights(import_nights.listing_id, n, 'import', unit_number => 1::smallint)
  from unnest(v_came - (
    select coalesce(range_agg(c.nights), '{}') from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1
  )) n;
end
$$;

comment on function app_hidden.import_nights(uuid, jsonb) is
  'Replaces the imported claims of a listing; bookings keep their nights.';
--! EndIncluded imports/internal/import_nights.sql
--! Included imports/internal/import_listing.sql
/*
 * Writes one listing of an import with all that belongs to it: all or nothing, by being one
 * statement. What came is compared by hash, so the same again changes nothing. A night that a
 * booking of ours has taken stays the booking's.
 *
 * listing: externalId, host {externalId, displayName, bio, avatarUrl, hostSince}, title,
 * description, houseRules, type, maxGuests, bedrooms, beds, bathrooms, minNights, maxNights,
 * bookingMode, street, city, region, countryCode, timeZone, longitude, latitude, rates {currency,
 * nightlyAmount} or null, photoUrls [..], amenityCodes [..], reviewScores {..} or null,
 * blockedNights ['[2026-01-01,2026-01-05)', ..], datedRates [{nights, nightlyAmount}, ..].
 *
 * Returns created, updated or unchanged. Without rates the listing stays a draft.
 *
 * Locks: the external id, then the host's, then availability. They are advisory, for the first
 * import of a listing has no row yet to lock; two imports of one city take turns at each listing
 * instead of making it twice.
 */
create or replace function app_private.import_listing(source text, listing jsonb) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash text := md5(listing::text);
  v_known app_private.imported_listings;
  v_host_id uuid;
  v_listing_id uuid;
  v_was_published boolean;
begin
  perform pg_advisory_xact_lock(
    hashtextextended('import_listing/' || import_listing.source || '/' || (listing ->> 'externalId'), 0)
  );
  select i.* into v_known from app_private.imported_listings i
  where i.source = import_listing.source and i.external_id = listing ->> 'externalId';
  if v_known.content_hash = v_hash then
    return 'unchanged';
  end if;

  v_host_id := app_hidden.import_host(import_listing.source, listing -> 'host');
  v_listing_id := coalesce(v_known.listing_id, uuidv7());
  -- Search follows each row of what belongs to a published listing; as a draft it is written in one
  -- go.
  update app_public.listings l set status = 'draft'
  where l.id = v_listing_id and l.status = 'published';
  v_was_published := found;
  insert into app_public.listings as l (
    id, host_id, title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
    min_nights, max_nights, booking_mode
  )
  values (
    v_listing_id, v_host_id, listing ->> 'title', listing ->> 'description',
    listing ->> 'houseRules', (listing ->> 'type')::app_public.listing_type,
    (listing ->> 'maxGuests')::smallint, (listing ->> 'bedrooms')::smallint,
    (listing ->> 'beds')::smallint, (listing ->> 'bathrooms')::numeric,
    (listing ->> 'minNights')::smallint, (listing ->> 'maxNights')::smallint,
    (listing ->> 'bookingMode')::app_public.booking_mode
  )
  on conflict on constraint listings_pkey do update
    set title = excluded.title, description = excluded.description,
        house_rules = excluded.house_rules, type = excluded.type,
        max_guests = excluded.max_guests, bedrooms = excluded.bedrooms, beds = excluded.beds,
        bathrooms = excluded.bathrooms, min_nights = excluded.min_nights,
        max_nights = excluded.max_nights, booking_mode = excluded.booking_mode;

  perform app_hidden.write_listing_address(
    v_listing_id, listing ->> 'street', listing ->> 'city', listing ->> 'countryCode',
    listing ->> 'timeZone', (listing ->> 'longitude')::double precision,
    (listing ->> 'latitude')::double precision, null, listing ->> 'region', null
  );
  perform app_hidden.import_listing_parts(v_listing_id, listing);
  perform app_hidden.import_nights(v_listing_id, listing);

  update app_public.listings l
  set status = 'published', published_at = coalesce(l.published_at, app_hidden.clock())
  where l.id = v_listing_id and l.status = 'draft'
    and (v_was_published or (
      exists (select from app_public.listing_rates r where r.listing_id = l.id)
      and exists (select from app_public.listing_photos p where p.listing_id = l.id)
    ));

  insert into app_private.imported_listings (source, external_id, listing_id, content_hash)
  values (import_listing.source, listing ->> 'externalId', v_listing_id, v_hash)
  on conflict on constraint imported_listings_pkey do update
    set content_hash = excluded.content_hash, imported_at = app_hidden.clock();
  return case when v_known.listing_id is null then 'created' else 'updated' end;
end
$$;

grant execute on function app_private.import_listing(text, jsonb) to :DATABASE_AUTHENTICATOR;

comment on function app_private.import_listing(text, jsonb) is
  'Writes one imported listing, all or nothing: created, updated or unchanged.';
--! EndIncluded imports/internal/import_listing.sql

-- operations
--! Included operations/tables/worker_heartbeats.sql
/*
 * A worker that dies keeps its jobs locked for four hours. So workers say that they live, and
 * whoever lives unlocks the jobs of those who have gone quiet.
 */
create table if not exists app_private.worker_heartbeats (
  worker_id text not null constraint worker_heartbeats_pkey primary key,
  beat_at timestamptz not null
);

alter table app_private.worker_heartbeats enable row level security;
alter table app_private.worker_heartbeats force row level security;

comment on table app_private.worker_heartbeats is 'When each worker last said that it lives.';
--! EndIncluded operations/tables/worker_heartbeats.sql
--! Included operations/policies/worker_heartbeats.sql
select app_hidden.drop_policies('app_private.worker_heartbeats');
create policy definer_all on app_private.worker_heartbeats to :DATABASE_OWNER using (true) with check (true);
--! EndIncluded operations/policies/worker_heartbeats.sql
--! Included operations/internal/beat.sql
/*
 * One heartbeat for the workers of a process, and the rescue of the others' jobs: whoever holds a
 * lock and has not been heard of within the time-out is dead. Reads the wall clock: a heartbeat is
 * about now, not about a transaction. Returns the ids of the workers whose jobs were unlocked.
 */
create or replace function app_private.beat(worker_ids text[], timeout interval) returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dead text[];
begin
  insert into app_private.worker_heartbeats (worker_id, beat_at)
  select id, clock_timestamp() from unnest(beat.worker_ids) id
  on conflict on constraint worker_heartbeats_pkey do update set beat_at = excluded.beat_at;

  -- A worker that nobody has heard of gets a first beat now, and with it one time-out to speak up.
  insert into app_private.worker_heartbeats (worker_id, beat_at)
  select distinct j.locked_by, clock_timestamp() from graphile_worker.jobs j
  where j.locked_by is not null
  on conflict on constraint worker_heartbeats_pkey do nothing;

  select array_agg(h.worker_id) into v_dead
  from app_private.worker_heartbeats h
  where h.beat_at < clock_timestamp() - beat.timeout;
  if v_dead is null then
    return '{}';
  end if;
  perform graphile_worker.force_unlock_workers(v_dead);
  delete from app_private.worker_heartbeats h where h.worker_id = any (v_dead);
  return v_dead;
end
$$;

grant execute on function app_private.beat(text[], interval) to :DATABASE_AUTHENTICATOR;

comment on function app_private.beat(text[], interval) is
  'Says that workers live and unlocks the jobs of those that do not; their ids are returned.';
--! EndIncluded operations/internal/beat.sql
--! Included operations/internal/end_heartbeats.sql
create or replace function app_private.end_heartbeats(worker_ids text[]) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.worker_heartbeats h where h.worker_id = any (end_heartbeats.worker_ids)
$$;

grant execute on function app_private.end_heartbeats(text[]) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_heartbeats(text[]) is 'Signs off workers that stop in good order.';
--! EndIncluded operations/internal/end_heartbeats.sql
--! EndIncluded all.sql
