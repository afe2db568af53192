--! Previous: sha1:db36e31983458753d8d426f10ffb4f78e3bad603
--! Hash: sha1:f28b49e90eced7c0d3a57f87a272e407d57b4d43
--! Message: let operators suspend people, and see what they see

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +8 -0   identity/tables/sessions.sql
--   +1 -1   identity/tables/account_notices.sql
--   +3 -0   identity/tables/audit_entries.sql
--   new     identity/tables/suspensions.sql
--   new     identity/policies/suspensions.sql
--   +5 -4   identity/internal/audit.sql
--   +4 -3   identity/internal/end_sessions.sql
--   +2 -1   identity/triggers/tg_sessions__audit.sql
--   +21 -3  identity/server/start_session.sql
--   new     identity/server/start_impersonation.sql
--   new     operations/internal/require_suspendable.sql
--   new     operations/mutations/suspend_user.sql
--   new     operations/mutations/reinstate_user.sql
-- (npm run db:commit wrote these lines.)

alter table app_private.sessions
  add column impersonated_because app_public.prose,
  add constraint sessions_impersonation_has_reason check (
    (impersonator_id is null) = (impersonated_because is null)
    and length(impersonated_because) <= 2000 and btrim(impersonated_because) <> ''
  );
alter table app_public.audit_entries add column reason app_public.prose not null default '';

alter table app_private.account_notices drop constraint account_notices_kind_is_known;
alter table app_private.account_notices add constraint account_notices_kind_is_known
  check (kind in (
    'password_changed', 'email_changed', 'factor_enabled', 'factor_disabled', 'recovery_code_used',
    'identity_linked', 'identity_removed', 'suspended', 'reinstated'
  ));

-- Each has a parameter more.
drop function app_hidden.audit(app_public.audit_action, uuid, uuid, uuid, text, text, text);
drop function app_private.start_session(uuid, bytea, text, interval, text);

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
  impersonated_because app_public.prose,

  constraint sessions_impersonation_has_reason check (
    (impersonator_id is null) = (impersonated_because is null)
    and length(impersonated_because) <= 2000 and btrim(impersonated_because) <> ''
  ),
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
comment on column app_private.sessions.impersonated_because is 'Why the operator does.';
comment on column app_private.sessions.proven_at is
  'When the person last showed who they are, by password and second factor.';

comment on constraint sessions_impersonation_has_reason on app_private.sessions is
  'INVALID_INPUT: A reason has 1 to 2000 characters.';
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
    'password_changed', 'email_changed', 'factor_enabled', 'factor_disabled', 'recovery_code_used',
    'identity_linked', 'identity_removed', 'suspended', 'reinstated'
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
--! Included identity/tables/audit_entries.sql
/*
 * Who did what with an account, when, and from where. The triggers of the tables that it is about
 * write here, so that no way around exists; a sign-in that fails changes no table, and the server
 * tells it. A person reads what is about them, the operator reads all.
 */
create table if not exists app_public.audit_entries (
  id uuid not null default uuidv7() constraint audit_entries_pkey primary key,
  created_at timestamptz not null default app_hidden.clock(),
  action app_public.audit_action not null,
  user_id uuid
    constraint audit_entries_user_id_fkey references app_public.users on delete cascade,
  actor_id uuid
    constraint audit_entries_actor_id_fkey references app_public.users on delete set null,
  network text not null default '',
  device text not null default '',
  operation text,
  subject_id uuid,
  reason app_public.prose not null default '',

  constraint audit_entries_network_is_bounded check (length(network) <= 50),
  constraint audit_entries_device_is_bounded check (length(device) <= 400),
  constraint audit_entries_operator_says_what
    check ((action = 'operator_acted') = (operation is not null))
);

alter table app_public.audit_entries enable row level security;
alter table app_public.audit_entries force row level security;

create index if not exists audit_entries_user_id_idx on app_public.audit_entries (user_id, id);
create index if not exists audit_entries_actor_id_idx on app_public.audit_entries (actor_id, id);
-- purge_expired_identity() walks what is past its time.
create index if not exists audit_entries_signing_in_idx on app_public.audit_entries (created_at)
  where action in ('signed_in', 'sign_in_failed', 'refresh_token_reused');

comment on table app_public.audit_entries is
  'What somebody did with an account, or as an operator: who, when, and from where. Each person '
  'sees what is about them. Sign-ins and failed ones are kept for a year.';
comment on column app_public.audit_entries.id is 'Public id of the entry.';
comment on column app_public.audit_entries.created_at is 'When.';
comment on column app_public.audit_entries.action is 'What was done.';
comment on column app_public.audit_entries.user_id is
  'Whose account it is about; null where it is about none, or about an address that nobody has.';
comment on column app_public.audit_entries.actor_id is
  'Who did it; null where nobody had shown who they are, and for the system.';
comment on column app_public.audit_entries.network is
  'From where: an IPv4 address, or the first half of an IPv6 one; empty for the system.';
comment on column app_public.audit_entries.device is
  'What the browser or app said of itself when somebody signed in; else empty.';
comment on column app_public.audit_entries.operation is
  'Which operation an operator called; null for all else.';
comment on column app_public.audit_entries.subject_id is
  'What it was done to, such as a booking or a session; null where the account says it all.';
comment on column app_public.audit_entries.reason is
  'Why an operator acted as somebody else; empty for all else.';

comment on constraint audit_entries_network_is_bounded on app_public.audit_entries is
  'INTERNAL: A network is an address, or half of one.';
comment on constraint audit_entries_device_is_bounded on app_public.audit_entries is
  'INTERNAL: What a device says of itself is cut.';
comment on constraint audit_entries_operator_says_what on app_public.audit_entries is
  'INTERNAL: What an operator did has a name, and nothing else has.';
--! EndIncluded identity/tables/audit_entries.sql
--! Included identity/tables/suspensions.sql
-- Who may not sign in until an operator takes it back.
create table if not exists app_public.suspensions (
  user_id uuid not null
    constraint suspensions_pkey primary key
    constraint suspensions_user_id_fkey references app_public.users on delete cascade,
  reason app_public.prose not null,
  created_at timestamptz not null default app_hidden.clock(),

  constraint suspensions_reason_has_length
    check (length(reason) <= 2000 and btrim(reason) <> '')
);

alter table app_public.suspensions enable row level security;
alter table app_public.suspensions force row level security;

create or replace trigger _600_audit_suspend
  after insert on app_public.suspensions
  for each row execute function app_hidden.tg__audit('suspended');

create or replace trigger _600_audit_reinstate
  after delete on app_public.suspensions
  for each row execute function app_hidden.tg__audit('reinstated');

comment on table app_public.suspensions is
  'People who may not sign in at present; for operators alone.';
comment on column app_public.suspensions.user_id is 'Who is suspended.';
comment on column app_public.suspensions.reason is
  'Why, for operators; the person does not read it.';
comment on column app_public.suspensions.created_at is 'Since when.';

comment on constraint suspensions_reason_has_length on app_public.suspensions is
  'INVALID_INPUT: A reason has 1 to 2000 characters.';
--! EndIncluded identity/tables/suspensions.sql
--! Included identity/policies/suspensions.sql
select app_hidden.drop_policies('app_public.suspensions');

create policy select_operator on app_public.suspensions for select to :DATABASE_OPERATOR
  using (true);

grant select on app_public.suspensions to :DATABASE_OPERATOR;
--! EndIncluded identity/policies/suspensions.sql
--! Included identity/internal/audit.sql
/*
 * Notes what somebody does, from where: the server says it for the transaction. The actor is who
 * asks, and an operator who acts as somebody else is the actor, not that person.
 */
create or replace function app_hidden.audit(
  action app_public.audit_action, user_id uuid, actor_id uuid default app_hidden.current_actor_id(),
  subject_id uuid default null, operation text default null,
  network text default current_setting('staybase.network', true), device text default '',
  reason text default ''
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.audit_entries (
    action, user_id, actor_id, subject_id, operation, network, device, reason
  )
  values (
    audit.action, audit.user_id, audit.actor_id, audit.subject_id, audit.operation,
    left(coalesce(audit.network, ''), 50), left(audit.device, 400), audit.reason
  )
$$;

comment on function app_hidden.audit(
  app_public.audit_action, uuid, uuid, uuid, text, text, text, text
) is 'Notes in the audit log what somebody does with an account.';
--! EndIncluded identity/internal/audit.sql
--! Included identity/internal/end_sessions.sql
/*
 * Ends what lives of a person's sessions, but for one, and those in which they act as others. Each
 * server hears of it at the commit, by the trigger on the table.
 */
create or replace function app_hidden.end_sessions(user_id uuid, except_id uuid default null)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended integer;
begin
  update app_private.sessions s set ended_at = app_hidden.clock()
  where (s.user_id = end_sessions.user_id or s.impersonator_id = end_sessions.user_id)
    and s.ended_at is null
    and s.id is distinct from end_sessions.except_id;
  get diagnostics v_ended = row_count;
  return v_ended;
end
$$;

comment on function app_hidden.end_sessions(uuid, uuid) is
  'Signs a person out everywhere, but for one session; says of how many.';
--! EndIncluded identity/internal/end_sessions.sql
--! Included identity/triggers/tg_sessions__audit.sql
/*
 * A session begins when somebody has signed in, in whatever way, or when an operator begins to act
 * as somebody.
 */
create or replace function app_hidden.tg_sessions__audit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.audit(
    case when NEW.impersonator_id is null then 'signed_in' else 'impersonated' end
      ::app_public.audit_action,
    NEW.user_id, coalesce(NEW.impersonator_id, NEW.user_id), NEW.id,
    network => NEW.network, device => NEW.user_agent,
    reason => coalesce(NEW.impersonated_because, '')
  );
  return null;
end
$$;

create or replace trigger _600_audit
  after insert on app_private.sessions
  for each row execute function app_hidden.tg_sessions__audit();

comment on function app_hidden.tg_sessions__audit() is
  'Notes in the audit log that a session has begun.';
--! EndIncluded identity/triggers/tg_sessions__audit.sql
--! Included identity/server/start_session.sql
/*
 * Opens a session for who has shown who they are. The lock makes this and a change of how the
 * person signs in, or a suspension, follow one another: what they end, nothing slips past. Where
 * the person has shown a password, its hash says whether it is still the one.
 */
create or replace function app_private.start_session(
  user_id uuid, token_hash bytea, user_agent text, lifetime interval, network text default '',
  password_hash text default null,
  out session_id uuid, out is_operator boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from app_public.user_contacts c where c.user_id = start_session.user_id for share;
  if exists (select from app_public.suspensions s where s.user_id = start_session.user_id) then
    raise exception 'This account is suspended. Write to us.' using errcode = 'SBI08';
  end if;
  if start_session.password_hash is not null and not exists (
    select from app_private.user_secrets s
    where s.user_id = start_session.user_id and s.password_hash = start_session.password_hash
  ) then
    raise exception 'The password has just changed. Sign in with the new one.'
      using errcode = 'SBI09';
  end if;

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

grant execute on function app_private.start_session(uuid, bytea, text, interval, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_session(uuid, bytea, text, interval, text, text) is
  'Opens a session with its first refresh token; ACCOUNT_SUSPENDED where the person may not.';
--! EndIncluded identity/server/start_session.sql
--! Included identity/server/start_impersonation.sql
/*
 * A session in which an operator sees what a person sees. It ends with its first access token, for
 * it has no refresh token; the server lets nothing be changed in it. The server has checked that
 * the operator has just shown who they are.
 */
create or replace function app_private.start_impersonation(
  operator_id uuid, user_id uuid, reason text, network text, lifetime interval
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_session_id uuid;
begin
  if not app_hidden.acts_as_operator(start_impersonation.operator_id) then
    raise exception 'Operators alone may do this.' using errcode = 'SBG02';
  end if;
  if not exists (select from app_public.users u where u.id = start_impersonation.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  if exists (
    select from app_private.operators o where o.user_id = start_impersonation.user_id
  ) then
    raise exception 'Nobody acts as another operator.' using errcode = 'SBG02', column = 'user_id';
  end if;
  insert into app_private.sessions (
    user_id, user_agent, network, expires_at, impersonator_id, proven_at, impersonated_because
  )
  values (
    start_impersonation.user_id, 'An operator of the marketplace',
    left(start_impersonation.network, 50),
    app_hidden.clock() + start_impersonation.lifetime, start_impersonation.operator_id,
    '-infinity', start_impersonation.reason
  )
  returning id into v_session_id;
  return v_session_id;
end
$$;

grant execute on function app_private.start_impersonation(uuid, uuid, text, text, interval)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_impersonation(uuid, uuid, text, text, interval) is
  'Opens a session in which an operator sees what a person sees.';
--! EndIncluded identity/server/start_impersonation.sql
--! Included operations/internal/require_suspendable.sql
create or replace function app_hidden.require_suspendable(user_id uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from app_public.users u where u.id = require_suspendable.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  if exists (select from app_private.operators o where o.user_id = require_suspendable.user_id) then
    raise exception 'This is an operator. Take the operator''s rights from them first.'
      using errcode = 'SBG02', column = 'user_id';
  end if;
end
$$;

comment on function app_hidden.require_suspendable(uuid) is
  'Refuses who is nobody, or is an operator.';
--! EndIncluded operations/internal/require_suspendable.sql
--! Included operations/mutations/suspend_user.sql
/*
 * Ends all sessions of a person and lets them begin none; what they advertise is paused. Bookings
 * stay, for the other side counts on them: cancel_booking_as_operator() is for each of them.
 * Locks: the contacts, against a session that begins meanwhile, then the listings.
 */
create or replace function app_public.suspend_user(user_id uuid, reason text) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.prose := app_hidden.require_reason(suspend_user.reason);
  v_email text;
begin
  perform app_hidden.require_suspendable(suspend_user.user_id);
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = suspend_user.user_id for update;
  insert into app_public.suspensions (user_id, reason)
  values (suspend_user.user_id, v_reason)
  on conflict on constraint suspensions_pkey do nothing;
  if not found then
    return suspend_user.user_id;
  end if;
  perform app_hidden.audit_operator('suspend_user', suspend_user.user_id, suspend_user.user_id);
  perform app_hidden.end_sessions(suspend_user.user_id);
  delete from app_private.one_time_tokens t
  where t.user_id = suspend_user.user_id
    or (t.purpose = 'reset_password' and t.email = v_email);
  update app_public.listings l set status = 'paused'
  where l.host_id = suspend_user.user_id and l.status = 'published';
  if v_email is not null then
    perform app_hidden.tell_account(suspend_user.user_id, 'suspended', v_email);
  end if;
  return suspend_user.user_id;
end
$$;

grant execute on function app_public.suspend_user(uuid, text) to :DATABASE_OPERATOR;

comment on function app_public.suspend_user(uuid, text) is
  'For the operator: signs a person out everywhere, lets them sign in no more, and pauses their '
  'listings. Their bookings stay. The person is told, without the reason. A repeat changes '
  'nothing.';
--! EndIncluded operations/mutations/suspend_user.sql
--! Included operations/mutations/reinstate_user.sql
-- Listings stay paused: the host publishes what is still right.
create or replace function app_public.reinstate_user(user_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := reinstate_user.user_id;
  v_email text;
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = v_user_id for update;
  delete from app_public.suspensions s where s.user_id = v_user_id;
  if not found then
    raise exception 'This person is not suspended.' using errcode = 'SBG04', column = 'user_id';
  end if;
  perform app_hidden.audit_operator('reinstate_user', v_user_id, v_user_id);
  if v_email is not null then
    perform app_hidden.tell_account(v_user_id, 'reinstated', v_email);
  end if;
  return v_user_id;
end
$$;

grant execute on function app_public.reinstate_user(uuid) to :DATABASE_OPERATOR;

comment on function app_public.reinstate_user(uuid) is
  'For the operator: lets a suspended person sign in again. Their listings stay paused.';
--! EndIncluded operations/mutations/reinstate_user.sql
