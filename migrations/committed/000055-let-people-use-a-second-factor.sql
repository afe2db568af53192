--! Previous: sha1:c79daa010e5cf264ac17ce1c1e7fe5b7ff57611b
--! Hash: sha1:ed929a51430b845b89a0deb936fbda5bf43c1a53
--! Message: let people use a second factor

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     identity/types/factor_group.sql
--   new     identity/types/second_factor.sql
--   +3 -0   identity/tables/sessions.sql
--   +3 -1   identity/tables/account_notices.sql
--   new     identity/tables/second_factors.sql
--   new     identity/tables/recovery_codes.sql
--   new     identity/tables/factor_rules.sql
--   new     identity/policies/second_factors.sql
--   new     identity/policies/recovery_codes.sql
--   new     identity/policies/factor_rules.sql
--   new     identity/internal/has_second_factor.sql
--   new     identity/internal/lacks_factor.sql
--   new     identity/internal/acts_as_operator.sql
--   +1 -3   identity/server/start_session.sql
--   +2 -1   identity/server/rotate_refresh_token.sql
--   new     identity/server/begin_second_factor.sql
--   new     identity/server/find_second_factor.sql
--   new     identity/server/use_factor_step.sql
--   new     identity/server/use_recovery_code.sql
--   new     identity/server/replace_recovery_codes.sql
--   new     identity/server/enable_second_factor.sql
--   new     identity/server/disable_second_factor.sql
--   new     identity/server/find_reset_person.sql
--   new     identity/server/prove_session.sql
--   new     identity/server/is_session_proven.sql
--   new     identity/queries/second_factor.sql
--   new     identity/mutations/require_second_factor.sql
--   new     publishing/mutations/publish_listing.sql
-- (npm run db:commit wrote these lines.)

alter table app_private.sessions
  add column proven_at timestamptz not null default '-infinity';
alter table app_private.sessions alter column proven_at set default app_hidden.clock();

alter table app_private.account_notices drop constraint account_notices_kind_is_known;
alter table app_private.account_notices add constraint account_notices_kind_is_known
  check (kind in (
    'password_changed', 'email_changed', 'factor_enabled', 'factor_disabled', 'recovery_code_used'
  ));

drop function app_private.find_one_time_token(bytea, text);

--! Included identity/types/factor_group.sql
do $$
begin
  create type app_public.factor_group as enum ('operators', 'hosts');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.factor_group is 'Who may have to use a second factor.';
--! EndIncluded identity/types/factor_group.sql
--! Included identity/types/second_factor.sql
do $$
begin
  create type app_public.second_factor as (
    is_enabled boolean,
    enabled_at timestamptz,
    is_required boolean,
    recovery_codes_left integer
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.second_factor is 'How a person stands with their second factor.';
comment on column app_public.second_factor.is_enabled is
  'Whether signing in asks for a code beside the password.';
comment on column app_public.second_factor.enabled_at is 'Since when; null without one.';
comment on column app_public.second_factor.is_required is
  'Whether the marketplace asks this person for one: operators act as such, and hosts publish, '
  'only with it.';
comment on column app_public.second_factor.recovery_codes_left is
  'How many recovery codes are left; each works once.';
--! EndIncluded identity/types/second_factor.sql
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
  network text not null default '',
  impersonator_id uuid
    constraint sessions_impersonator_id_fkey references app_public.users on delete cascade,
  proven_at timestamptz not null default app_hidden.clock(),

  constraint sessions_network_is_bounded check (length(network) <= 50),
  constraint sessions_user_agent_is_bounded check (length(user_agent) <= 400)
);

alter table app_private.sessions enable row level security;
alter table app_private.sessions force row level security;

create index if not exists sessions_user_id_idx on app_private.sessions (user_id);
-- purge_expired_identity() walks what is past its time.
create index if not exists sessions_expires_at_idx on app_private.sessions (expires_at);

-- What a server learns when it begins to listen.
create index if not exists sessions_ended_at_idx on app_private.sessions (ended_at)
  where ended_at is not null;

create index if not exists sessions_impersonator_id_idx
  on app_private.sessions (impersonator_id);

create or replace trigger _750_tell_change
  after update of ended_at on app_private.sessions
  for each row when (OLD.ended_at is null and NEW.ended_at is not null)
  execute function app_hidden.tg__tell_change('session', 'id');

comment on table app_private.sessions is 'Where a person is signed in.';
comment on column app_private.sessions.network is
  'From where the person signed in: an IPv4 address, or the first half of an IPv6 one.';
comment on column app_private.sessions.impersonator_id is
  'The operator who acts as the person; null where it is the person.';
comment on column app_private.sessions.proven_at is
  'When the person last showed who they are, by password and second factor.';

comment on constraint sessions_network_is_bounded on app_private.sessions is
  'INTERNAL: A network is an address, or half of one.';
--! EndIncluded identity/tables/sessions.sql
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
    'password_changed', 'email_changed', 'factor_enabled', 'factor_disabled', 'recovery_code_used'
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
--! Included identity/tables/second_factors.sql
/*
 * The app that shows a person a new code every thirty seconds (TOTP, RFC 6238). The secret that it
 * shares with the server is sealed by a key that the database does not have. A factor counts from
 * the first code on that the person has typed; last_step is the time step of the last one that was
 * taken, so that no code works twice.
 */
create table if not exists app_private.second_factors (
  user_id uuid not null
    constraint second_factors_pkey primary key
    constraint second_factors_user_id_fkey references app_public.users on delete cascade,
  sealed_secret bytea not null,
  created_at timestamptz not null default app_hidden.clock(),
  enabled_at timestamptz,
  last_step bigint not null default 0,

  -- A bare secret has twenty bytes; a seal adds more than that.
  constraint second_factors_secret_is_sealed check (length(sealed_secret) >= 48)
);

alter table app_private.second_factors enable row level security;
alter table app_private.second_factors force row level security;

create or replace trigger _600_audit_enabled
  after update of enabled_at on app_private.second_factors
  for each row when (OLD.enabled_at is null and NEW.enabled_at is not null)
  execute function app_hidden.tg__audit('factor_enabled');

create or replace trigger _600_audit_disabled
  after delete on app_private.second_factors
  for each row when (OLD.enabled_at is not null)
  execute function app_hidden.tg__audit('factor_disabled');

comment on table app_private.second_factors is
  'What a person shows beside their password; no client role reads it.';
comment on column app_private.second_factors.sealed_secret is
  'What the app and the server share, encrypted by the server (FACTOR_KEYS).';
comment on column app_private.second_factors.enabled_at is
  'When the person showed the first code; null until then.';
comment on column app_private.second_factors.last_step is
  'The time step of the last code that was taken: thirty seconds each, counted from 1970.';

comment on constraint second_factors_secret_is_sealed on app_private.second_factors is
  'INTERNAL: A secret is encrypted.';
--! EndIncluded identity/tables/second_factors.sql
--! Included identity/tables/recovery_codes.sql
-- Each lets a person in once who has lost what shows the codes of their second factor.
create table if not exists app_private.recovery_codes (
  user_id uuid not null
    constraint recovery_codes_user_id_fkey
      references app_private.second_factors on delete cascade,
  code_hash bytea not null,
  created_at timestamptz not null default app_hidden.clock(),

  constraint recovery_codes_pkey primary key (user_id, code_hash),
  constraint recovery_codes_hash_is_sha256 check (length(code_hash) = 32)
);

alter table app_private.recovery_codes enable row level security;
alter table app_private.recovery_codes force row level security;

comment on table app_private.recovery_codes is
  'Codes that work once instead of the second factor, as SHA-256.';

comment on constraint recovery_codes_hash_is_sha256 on app_private.recovery_codes is
  'INTERNAL: A code is hashed.';
--! EndIncluded identity/tables/recovery_codes.sql
--! Included identity/tables/factor_rules.sql
-- Whom the marketplace asks for a second factor; whoever is not in here chooses.
create table if not exists app_private.factor_rules (
  subject app_public.factor_group not null constraint factor_rules_pkey primary key,
  created_at timestamptz not null default app_hidden.clock()
);

alter table app_private.factor_rules enable row level security;
alter table app_private.factor_rules force row level security;

comment on table app_private.factor_rules is 'Who must use a second factor.';
--! EndIncluded identity/tables/factor_rules.sql
--! Included identity/policies/second_factors.sql
select app_hidden.drop_policies('app_private.second_factors');
--! EndIncluded identity/policies/second_factors.sql
--! Included identity/policies/recovery_codes.sql
select app_hidden.drop_policies('app_private.recovery_codes');
--! EndIncluded identity/policies/recovery_codes.sql
--! Included identity/policies/factor_rules.sql
select app_hidden.drop_policies('app_private.factor_rules');
--! EndIncluded identity/policies/factor_rules.sql
--! Included identity/internal/has_second_factor.sql
create or replace function app_hidden.has_second_factor(user_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.second_factors f
    where f.user_id = has_second_factor.user_id and f.enabled_at is not null
  )
$$;

comment on function app_hidden.has_second_factor(uuid) is
  'Whether signing in asks a person for a second factor.';
--! EndIncluded identity/internal/has_second_factor.sql
--! Included identity/internal/lacks_factor.sql
create or replace function app_hidden.lacks_factor(
  user_id uuid, subject app_public.factor_group
) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.factor_rules r where r.subject = lacks_factor.subject
  ) and not app_hidden.has_second_factor(lacks_factor.user_id)
$$;

comment on function app_hidden.lacks_factor(uuid, app_public.factor_group) is
  'Whether the marketplace asks a group for a second factor that a person does not have.';
--! EndIncluded identity/internal/lacks_factor.sql
--! Included identity/internal/acts_as_operator.sql
/*
 * Whether a session that begins or goes on has the operator's rights. An operator without the
 * second factor that is asked for is a visitor until they have one.
 */
create or replace function app_hidden.acts_as_operator(user_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.operators o where o.user_id = acts_as_operator.user_id
  ) and not app_hidden.lacks_factor(acts_as_operator.user_id, 'operators')
$$;

comment on function app_hidden.acts_as_operator(uuid) is
  'Whether a person has the rights of the operator.';
--! EndIncluded identity/internal/acts_as_operator.sql
--! Included identity/server/start_session.sql
create or replace function app_private.start_session(
  user_id uuid, token_hash bytea, user_agent text, lifetime interval, network text default '',
  out session_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_private.sessions (user_id, user_agent, network, expires_at)
  values (
    start_session.user_id,
    left(coalesce(start_session.user_agent, ''), 400),
    left(coalesce(start_session.network, ''), 50),
    app_hidden.clock() + start_session.lifetime
  )
  returning id into start_session.session_id;

  insert into app_private.refresh_tokens (token_hash, session_id)
  values (start_session.token_hash, start_session.session_id);

  is_operator := app_hidden.acts_as_operator(start_session.user_id);
end
$$;

grant execute on function app_private.start_session(uuid, bytea, text, interval, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_session(uuid, bytea, text, interval, text) is
  'Opens a session with its first refresh token.';
--! EndIncluded identity/server/start_session.sql
--! Included identity/server/rotate_refresh_token.sql
/*
 * Exchanges a refresh token for the next one, as one atomic swap: of two requests with the same
 * token one waits for the other's row lock. The server derives the next token from the old one, so
 * that within the grace of ten seconds all get the same successor (several tabs, or a lost answer),
 * and a family never has two branches. Later the family ends, for somebody has copied a token.
 */
create or replace function app_private.rotate_refresh_token(
  old_hash bytea, new_hash bytea,
  out status text, out session_id uuid, out user_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_grace constant interval := '10 seconds';
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
    perform app_hidden.audit(
      'refresh_token_reused', v_session.user_id, actor_id => null, subject_id => v_session.id
    );
    status := 'reused';
    return;
  end if;

  -- Whoever comes again gets the successor there is, and none beside it.
  if v_token.used_at is not null and not exists (
    select from app_private.refresh_tokens t
    where t.token_hash = rotate_refresh_token.new_hash and t.session_id = v_session.id
  ) then
    status := 'invalid';
    return;
  end if;

  update app_private.refresh_tokens t set used_at = coalesce(t.used_at, app_hidden.clock())
  where t.token_hash = v_token.token_hash;
  insert into app_private.refresh_tokens (token_hash, session_id)
  values (rotate_refresh_token.new_hash, v_session.id)
  on conflict on constraint refresh_tokens_pkey do nothing;
  update app_private.sessions s set last_used_at = app_hidden.clock() where s.id = v_session.id;

  status := 'rotated';
  user_id := v_session.user_id;
  is_operator := v_session.impersonator_id is null
    and app_hidden.acts_as_operator(v_session.user_id);
end
$$;

grant execute on function app_private.rotate_refresh_token(bytea, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.rotate_refresh_token(bytea, bytea) is
  'Exchanges a refresh token: status is rotated, invalid, or reused (the session has been ended).';
--! EndIncluded identity/server/rotate_refresh_token.sql
--! Included identity/server/begin_second_factor.sql
/*
 * The server has made a secret and shows it. Whoever begins again gets another one; one that is
 * enabled already stays.
 */
create or replace function app_private.begin_second_factor(user_id uuid, sealed_secret bytea)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_private.second_factors as f (user_id, sealed_secret)
  values (begin_second_factor.user_id, begin_second_factor.sealed_secret)
  on conflict on constraint second_factors_pkey do update
    set sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
    where f.enabled_at is null;
  if not found then
    raise exception 'You have a second factor. Remove it before you choose another.'
      using errcode = 'SBI07';
  end if;
end
$$;

grant execute on function app_private.begin_second_factor(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_second_factor(uuid, bytea) is
  'Keeps the secret of a second factor that is not enabled yet; SECOND_FACTOR_ENABLED otherwise.';
--! EndIncluded identity/server/begin_second_factor.sql
--! Included identity/server/find_second_factor.sql
create or replace function app_private.find_second_factor(
  user_id uuid, out sealed_secret bytea, out is_enabled boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select f.sealed_secret, f.enabled_at is not null
  from app_private.second_factors f
  where f.user_id = find_second_factor.user_id
$$;

grant execute on function app_private.find_second_factor(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_second_factor(uuid) is
  'What a code is checked against; nulls where there is no second factor.';
--! EndIncluded identity/server/find_second_factor.sql
--! Included identity/server/use_factor_step.sql
/*
 * Each code works once: of two requests with the same one the second finds its step taken. So no
 * code is worth anything to who has looked over a shoulder.
 */
create or replace function app_private.use_factor_step(user_id uuid, step bigint) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_private.second_factors f set last_step = use_factor_step.step
  where f.user_id = use_factor_step.user_id and f.last_step < use_factor_step.step;
  return found;
end
$$;

grant execute on function app_private.use_factor_step(uuid, bigint) to :DATABASE_AUTHENTICATOR;

comment on function app_private.use_factor_step(uuid, bigint) is
  'Takes a time step of a second factor; false where it, or a later one, was taken before.';
--! EndIncluded identity/server/use_factor_step.sql
--! Included identity/server/use_recovery_code.sql
create or replace function app_private.use_recovery_code(user_id uuid, code_hash bytea)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_private.recovery_codes c
  where c.user_id = use_recovery_code.user_id and c.code_hash = use_recovery_code.code_hash;
  if not found then
    return false;
  end if;
  perform app_hidden.audit(
    'recovery_code_used', use_recovery_code.user_id, actor_id => use_recovery_code.user_id
  );
  perform app_hidden.tell_account(use_recovery_code.user_id, 'recovery_code_used', (
    select c.email from app_public.user_contacts c where c.user_id = use_recovery_code.user_id
  ));
  return true;
end
$$;

grant execute on function app_private.use_recovery_code(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.use_recovery_code(uuid, bytea) is
  'Takes a recovery code out of use and tells the person; false where there is no such code.';
--! EndIncluded identity/server/use_recovery_code.sql
--! Included identity/server/replace_recovery_codes.sql
create or replace function app_private.replace_recovery_codes(user_id uuid, code_hashes bytea[])
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not app_hidden.has_second_factor(replace_recovery_codes.user_id) then
    raise exception 'You have no second factor. Enable one first.' using errcode = 'SBI06';
  end if;
  -- Two requests at once: the second one's codes are the ones that work.
  perform from app_private.second_factors f
  where f.user_id = replace_recovery_codes.user_id for update;
  delete from app_private.recovery_codes c where c.user_id = replace_recovery_codes.user_id;
  insert into app_private.recovery_codes (user_id, code_hash)
  select replace_recovery_codes.user_id, hash from unnest(code_hashes) hash;
  perform app_hidden.audit('recovery_codes_created', replace_recovery_codes.user_id);
end
$$;

grant execute on function app_private.replace_recovery_codes(uuid, bytea[])
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.replace_recovery_codes(uuid, bytea[]) is
  'Gives a person new recovery codes; the ones before stop working.';
--! EndIncluded identity/server/replace_recovery_codes.sql
--! Included identity/server/enable_second_factor.sql
/*
 * The person has shown the first code. Whoever signed in without one is signed out, for that may
 * be why the person wants it.
 */
create or replace function app_private.enable_second_factor(
  user_id uuid, code_hashes bytea[], kept_session_id uuid
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = enable_second_factor.user_id for update;
  update app_private.second_factors f set enabled_at = app_hidden.clock()
  where f.user_id = enable_second_factor.user_id and f.enabled_at is null;
  if not found then
    raise exception 'You have a second factor. Remove it before you choose another.'
      using errcode = 'SBI07';
  end if;
  perform app_private.replace_recovery_codes(
    enable_second_factor.user_id, enable_second_factor.code_hashes
  );
  perform app_hidden.end_sessions(
    enable_second_factor.user_id, enable_second_factor.kept_session_id
  );
  perform app_hidden.tell_account(enable_second_factor.user_id, 'factor_enabled', v_email);
end
$$;

grant execute on function app_private.enable_second_factor(uuid, bytea[], uuid)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.enable_second_factor(uuid, bytea[], uuid) is
  'Asks a person for a second factor from now on, and ends all sessions but the one that is kept.';
--! EndIncluded identity/server/enable_second_factor.sql
--! Included identity/server/disable_second_factor.sql
create or replace function app_private.disable_second_factor(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = disable_second_factor.user_id for update;
  delete from app_private.second_factors f
  where f.user_id = disable_second_factor.user_id and f.enabled_at is not null;
  if not found then
    raise exception 'You have no second factor. Enable one first.' using errcode = 'SBI06';
  end if;
  perform app_hidden.tell_account(disable_second_factor.user_id, 'factor_disabled', v_email);
end
$$;

grant execute on function app_private.disable_second_factor(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.disable_second_factor(uuid) is
  'Asks a person for no second factor any more, and tells them.';
--! EndIncluded identity/server/disable_second_factor.sql
--! Included identity/server/find_reset_person.sql
create or replace function app_private.find_reset_person(token_hash bytea) returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.user_id
  from app_private.one_time_tokens t
  join app_public.user_contacts c on c.email = t.email
  where t.token_hash = find_reset_person.token_hash and t.purpose = 'reset_password'
    and t.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.find_reset_person(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_reset_person(bytea) is
  'Whose password a mailed link resets; null where the link is used or too old.';
--! EndIncluded identity/server/find_reset_person.sql
--! Included identity/server/prove_session.sql
create or replace function app_private.prove_session(session_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.sessions s set proven_at = app_hidden.clock()
  where s.id = prove_session.session_id and s.impersonator_id is null
$$;

grant execute on function app_private.prove_session(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.prove_session(uuid) is
  'Notes that the person of a session has just shown who they are.';
--! EndIncluded identity/server/prove_session.sql
--! Included identity/server/is_session_proven.sql
/*
 * Whether the person of a session has shown who they are within the last five minutes, by signing
 * in or since then. An operator who acts as somebody never has.
 */
create or replace function app_private.is_session_proven(session_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.sessions s
    where s.id = is_session_proven.session_id and s.ended_at is null
      and s.impersonator_id is null
      and s.proven_at > app_hidden.clock() - interval '5 minutes'
  )
$$;

grant execute on function app_private.is_session_proven(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.is_session_proven(uuid) is
  'Whether the person of a session has shown who they are within the last five minutes.';
--! EndIncluded identity/server/is_session_proven.sql
--! Included identity/queries/second_factor.sql
create or replace function app_public.second_factor() returns app_public.second_factor
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    f.enabled_at is not null,
    f.enabled_at,
    exists (
      select from app_private.factor_rules r
      where (r.subject = 'operators'
          and exists (select from app_private.operators o where o.user_id = u.id))
        or (r.subject = 'hosts' and u.host_since is not null)
    ),
    (select count(*) from app_private.recovery_codes c where c.user_id = u.id)::integer
  from app_public.users u
  left join app_private.second_factors f on f.user_id = u.id
  where u.id = app_public.current_user_id()
$$;

grant execute on function app_public.second_factor() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.second_factor() is
  'How the person who asks stands with their second factor; null where nobody is signed in.';
--! EndIncluded identity/queries/second_factor.sql
--! Included identity/mutations/require_second_factor.sql
/*
 * From the next request on: sessions of operators who have no factor end, and they come back as
 * visitors until they have one. Listings that are published stay so.
 */
create or replace function app_public.require_second_factor(
  subject app_public.factor_group, is_required boolean
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_second_factor.subject is null or require_second_factor.is_required is null then
    raise exception 'Say who, and whether they must.' using errcode = 'SBG04', column = 'subject';
  end if;
  perform app_hidden.audit_operator('require_second_factor', null);
  if not require_second_factor.is_required then
    delete from app_private.factor_rules r where r.subject = require_second_factor.subject;
    return false;
  end if;
  if require_second_factor.subject = 'operators'
    and not app_hidden.has_second_factor(app_hidden.require_user_id())
  then
    raise exception 'Enable your own second factor first, or this shuts you out.'
      using errcode = 'SBI06';
  end if;
  insert into app_private.factor_rules (subject) values (require_second_factor.subject)
  on conflict on constraint factor_rules_pkey do nothing;
  if require_second_factor.subject = 'operators' then
    perform app_hidden.end_sessions(o.user_id) from app_private.operators o
    where not app_hidden.has_second_factor(o.user_id);
  end if;
  return true;
end
$$;

grant execute on function app_public.require_second_factor(app_public.factor_group, boolean)
  to :DATABASE_OPERATOR;

comment on function app_public.require_second_factor(app_public.factor_group, boolean) is
  'For the operator: whether operators, or hosts who publish, must use a second factor. Operators '
  'without one are signed out, and are visitors until they have one.';
--! EndIncluded identity/mutations/require_second_factor.sql
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
  if app_hidden.lacks_factor(v_listing.host_id, 'hosts') then
    raise exception 'Hosts need a second factor here. Enable one, then publish.'
      using errcode = 'SBI06', column = 'listing_id';
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
