--! Previous: sha1:0fbce100d351de5fecd25376d5eded4c2d0dc8d7
--! Hash: sha1:c79daa010e5cf264ac17ce1c1e7fe5b7ff57611b
--! Message: keep an audit log

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     identity/types/audit_action.sql
--   new     identity/tables/audit_entries.sql
--   new     identity/policies/audit_entries.sql
--   +7 -0   identity/tables/sessions.sql
--   new     identity/internal/current_actor_id.sql
--   new     identity/internal/audit.sql
--   new     identity/internal/audit_operator.sql
--   new     identity/internal/tg__audit.sql
--   new     identity/triggers/tg_sessions__audit.sql
--   new     identity/triggers/tg_accounts__audit.sql
--   new     identity/server/audit_failed_sign_in.sql
--   +3 -0   identity/server/rotate_refresh_token.sql
--   +3 -0   identity/server/purge_expired_identity.sql
--   +1 -0   identity/mutations/set_quota.sql
--   +1 -0   bookings/mutations/take_back_no_show.sql
--   +1 -0   checkout/mutations/retry_refund.sql
--   +1 -0   checkout/mutations/refund_booking.sql
--   +1 -0   checkout/mutations/settle_refund.sql
--   +1 -0   checkout/mutations/cancel_booking_as_operator.sql
-- (npm run db:commit wrote these lines.)

alter table app_private.sessions
  add column impersonator_id uuid
    constraint sessions_impersonator_id_fkey references app_public.users on delete cascade;

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

comment on type app_public.audit_action is 'What somebody did with an account, or as an operator.';
--! EndIncluded identity/types/audit_action.sql
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

comment on constraint audit_entries_network_is_bounded on app_public.audit_entries is
  'INTERNAL: A network is an address, or half of one.';
comment on constraint audit_entries_device_is_bounded on app_public.audit_entries is
  'INTERNAL: What a device says of itself is cut.';
comment on constraint audit_entries_operator_says_what on app_public.audit_entries is
  'INTERNAL: What an operator did has a name, and nothing else has.';
--! EndIncluded identity/tables/audit_entries.sql
--! Included identity/policies/audit_entries.sql
select app_hidden.drop_policies('app_public.audit_entries');

create policy select_self on app_public.audit_entries for select to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy select_operator on app_public.audit_entries for select to :DATABASE_OPERATOR
  using (true);

grant select on app_public.audit_entries to :DATABASE_VISITOR;
--! EndIncluded identity/policies/audit_entries.sql
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

comment on constraint sessions_network_is_bounded on app_private.sessions is
  'INTERNAL: A network is an address, or half of one.';
--! EndIncluded identity/tables/sessions.sql
--! Included identity/internal/current_actor_id.sql
create or replace function app_hidden.current_actor_id() returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (
      select s.impersonator_id from app_private.sessions s
      where s.id = app_hidden.current_session_id()
    ),
    app_public.current_user_id()
  )
$$;

comment on function app_hidden.current_actor_id() is
  'Who acts: who is signed in, or the operator who acts as them; null where nobody is.';
--! EndIncluded identity/internal/current_actor_id.sql
--! Included identity/internal/audit.sql
/*
 * Notes what somebody does, from where: the server says it for the transaction. The actor is who
 * asks, and an operator who acts as somebody else is the actor, not that person.
 */
create or replace function app_hidden.audit(
  action app_public.audit_action, user_id uuid, actor_id uuid default app_hidden.current_actor_id(),
  subject_id uuid default null, operation text default null,
  network text default current_setting('staybase.network', true), device text default ''
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.audit_entries (
    action, user_id, actor_id, subject_id, operation, network, device
  )
  values (
    audit.action, audit.user_id, audit.actor_id, audit.subject_id, audit.operation,
    left(coalesce(audit.network, ''), 50), left(audit.device, 400)
  )
$$;

comment on function app_hidden.audit(
  app_public.audit_action, uuid, uuid, uuid, text, text, text
) is 'Notes in the audit log what somebody does with an account.';
--! EndIncluded identity/internal/audit.sql
--! Included identity/internal/audit_operator.sql
/*
 * Every function that the operator alone may call and that changes something calls this; a lint of
 * the schema finds one that does not. A call that is refused changes nothing and is not noted, nor
 * is one that an idempotency key has answered.
 */
create or replace function app_hidden.audit_operator(
  operation text, subject_id uuid, user_id uuid default null
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.audit(
    'operator_acted', audit_operator.user_id, subject_id => audit_operator.subject_id,
    operation => audit_operator.operation
  )
$$;

comment on function app_hidden.audit_operator(text, uuid, uuid) is
  'Notes in the audit log which operation an operator calls, and on what.';
--! EndIncluded identity/internal/audit_operator.sql
--! Included identity/internal/tg__audit.sql
/*
 * Notes a change of a row that belongs to a person, under the action that is the first argument. A
 * second one, `self`, says that the person did it where nobody is signed in: by a mailed link.
 */
create or replace function app_hidden.tg__audit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := case when TG_OP = 'DELETE' then OLD.user_id else NEW.user_id end;
begin
  -- With the person goes what is noted of them.
  if exists (select from app_public.users u where u.id = v_user_id) then
    perform app_hidden.audit(
      TG_ARGV[0]::app_public.audit_action, v_user_id,
      coalesce(app_hidden.current_actor_id(), case when TG_ARGV[1] = 'self' then v_user_id end)
    );
  end if;
  return null;
end
$$;

comment on function app_hidden.tg__audit() is
  'Notes in the audit log that a row of a person has changed.';
--! EndIncluded identity/internal/tg__audit.sql
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
    network => NEW.network, device => NEW.user_agent
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

create or replace trigger _600_audit_grant
  after insert on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_granted');

create or replace trigger _600_audit_revoke
  after delete on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_revoked');
--! EndIncluded identity/triggers/tg_accounts__audit.sql
--! Included identity/server/audit_failed_sign_in.sql
/*
 * It writes the same whether the address is known or not, so that a failure takes as long for
 * either; without an account the operator alone sees it, and the address is not kept.
 */
create or replace function app_private.audit_failed_sign_in(email text, device text)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.audit(
    'sign_in_failed',
    (
      select c.user_id from app_public.user_contacts c
      where c.email = lower(btrim(audit_failed_sign_in.email))
    ),
    device => audit_failed_sign_in.device
  )
$$;

grant execute on function app_private.audit_failed_sign_in(text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.audit_failed_sign_in(text, text) is
  'Notes in the audit log that somebody has tried to sign in with an address.';
--! EndIncluded identity/server/audit_failed_sign_in.sql
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
  is_operator := exists (select from app_private.operators o where o.user_id = v_session.user_id);
end
$$;

grant execute on function app_private.rotate_refresh_token(bytea, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.rotate_refresh_token(bytea, bytea) is
  'Exchanges a refresh token: status is rotated, invalid, or reused (the session has been ended).';
--! EndIncluded identity/server/rotate_refresh_token.sql
--! Included identity/server/purge_expired_identity.sql
create or replace function app_private.purge_expired_identity() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_private.registrations where expires_at < app_hidden.clock();
  delete from app_private.one_time_tokens where expires_at < app_hidden.clock();
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
--! Included identity/mutations/set_quota.sql
create or replace function app_public.set_quota(
  user_id uuid, kind app_public.quota_kind, most integer
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if set_quota.user_id is null or set_quota.kind is null or set_quota.most is null
    or set_quota.most < 0
  then
    raise exception 'A quota has a person, a kind, and a number from 0.'
      using errcode = 'SBG04', column = 'most';
  end if;
  if not exists (select from app_public.users u where u.id = set_quota.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  insert into app_private.user_quotas (user_id, kind, most)
  values (set_quota.user_id, set_quota.kind, set_quota.most)
  on conflict on constraint user_quotas_pkey do update set most = excluded.most;
  perform app_hidden.audit_operator('set_quota', set_quota.user_id, set_quota.user_id);
  return set_quota.most;
end
$$;

grant execute on function app_public.set_quota(uuid, app_public.quota_kind, integer)
  to :DATABASE_OPERATOR;

comment on function app_public.set_quota(uuid, app_public.quota_kind, integer) is
  'For the operator: how many of a kind a person may have from now on.';
--! EndIncluded identity/mutations/set_quota.sql
--! Included bookings/mutations/take_back_no_show.sql
/*
 * The operator has looked into it: the guest was there, whatever the host says. Locks: the booking.
 */
create or replace function app_public.take_back_no_show(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.lock_booking(take_back_no_show.booking_id);
begin
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  update app_public.bookings b set no_show_at = null
  where b.id = v_booking.id
  returning * into v_booking;
  perform app_hidden.audit_operator('take_back_no_show', v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.take_back_no_show(uuid) to :DATABASE_OPERATOR;

comment on function app_public.take_back_no_show(uuid) is
  'For the operator: a host said that nobody came, and the guest was there.';
--! EndIncluded bookings/mutations/take_back_no_show.sql
--! Included checkout/mutations/retry_refund.sql
/*
 * The operator asks Stripe once more for a refund that has failed. The debt stands in guest_payable
 * already. Locks: the key, booking, payment, refund.
 */
create or replace function app_public.retry_refund(refund_id uuid, idempotency_key text)
returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_once record;
begin
  v_once := app_hidden.begin_once(
    retry_refund.idempotency_key, 'retry_refund',
    jsonb_build_object('id', retry_refund.refund_id)
  );
  if v_once.ran_before then
    select r.* into v_refund from app_public.refunds r where r.id = v_once.result_id;
    return v_refund;
  end if;
  v_refund := app_hidden.require_failed_refund(retry_refund.refund_id);
  update app_public.refunds r
  set resolved_at = app_hidden.clock(), resolver_id = app_hidden.require_user_id()
  where r.id = v_refund.id;
  v_refund := app_hidden.replace_refund(v_refund, v_refund.amount);
  perform app_hidden.audit_operator('retry_refund', v_refund.id);
  perform app_hidden.end_once(retry_refund.idempotency_key, v_refund.id);
  return v_refund;
end
$$;

grant execute on function app_public.retry_refund(uuid, text) to :DATABASE_OPERATOR;

comment on function app_public.retry_refund(uuid, text) is
  'For the operator: asks Stripe once more for a refund that has failed; returns the new refund. A '
  'repeated call with the same key returns the same.';
--! EndIncluded checkout/mutations/retry_refund.sql
--! Included checkout/mutations/refund_booking.sql
/*
 * The operator gives a guest some of a paid booking back, whatever the policy says. The platform
 * bears it, or the host from what the booking has earned them. Locks: the key, then the booking.
 */
create or replace function app_public.refund_booking(
  booking_id uuid,
  idempotency_key text,
  amount bigint,
  currency text,
  reason text,
  borne_by app_public.cost_bearer default 'platform'
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_reason app_public.prose := app_hidden.require_reason(refund_booking.reason);
  v_borne_by app_public.cost_bearer := coalesce(refund_booking.borne_by, 'platform');
  v_once record;
  v_refund_ids uuid[];
begin
  v_once := app_hidden.begin_once(
    refund_booking.idempotency_key, 'refund_booking',
    jsonb_build_object(
      'id', refund_booking.booking_id, 'amount', refund_booking.amount,
      'currency', refund_booking.currency, 'reason', v_reason, 'borneBy', v_borne_by
    )
  );
  v_booking := app_hidden.lock_booking(coalesce(v_once.result_id, refund_booking.booking_id));
  if v_once.ran_before then
    return v_booking;
  end if;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  perform app_hidden.require_refundable(
    v_booking, refund_booking.amount, refund_booking.currency, v_borne_by
  );

  v_refund_ids := app_hidden.queue_refund(
    v_booking.id, refund_booking.amount, 'goodwill', v_reason, 'operator',
    app_hidden.require_user_id()
  );
  perform app_hidden.post_ledger(
    'goodwill:' || v_refund_ids[1], 'goodwill', v_booking.id,
    array[
      row(
        case v_borne_by when 'host' then 'host_payable' else 'platform_revenue' end,
        case v_borne_by when 'host' then v_booking.host_id end,
        v_booking.currency, refund_booking.amount
      ),
      row('guest_payable', null, v_booking.currency, -refund_booking.amount)
    ]::app_hidden.ledger_posting[],
    refund_id => v_refund_ids[1]
  );
  perform app_hidden.audit_operator('refund_booking', v_booking.id);
  perform app_hidden.end_once(refund_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.refund_booking(
  uuid, text, bigint, text, text, app_public.cost_bearer
) to :DATABASE_OPERATOR;

comment on function app_public.refund_booking(
  uuid, text, bigint, text, text, app_public.cost_bearer
) is
  'For the operator: gives a guest some of a paid booking back, with a reason that the guest '
  'reads. The platform bears it, or the host from what the booking has earned. Stripe is asked by '
  'a job; the refund says how far it is. A repeated call with the same key does nothing more.';
--! EndIncluded checkout/mutations/refund_booking.sql
--! Included checkout/mutations/settle_refund.sql
/*
 * The operator has paid a guest otherwise what a failed refund did not: from the bank account of
 * the marketplace, which the ledger is told. Locks: the key, booking, payment, refund, then the
 * ledger's accounts.
 */
create or replace function app_public.settle_refund(
  refund_id uuid, idempotency_key text, reason text
) returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_reason app_public.prose := app_hidden.require_reason(settle_refund.reason);
  v_once record;
begin
  v_once := app_hidden.begin_once(
    settle_refund.idempotency_key, 'settle_refund',
    jsonb_build_object('id', settle_refund.refund_id, 'reason', v_reason)
  );
  if v_once.ran_before then
    select r.* into v_refund from app_public.refunds r where r.id = v_once.result_id;
    return v_refund;
  end if;
  v_refund := app_hidden.require_failed_refund(settle_refund.refund_id);
  update app_public.refunds r
  set resolved_at = app_hidden.clock(), resolution = v_reason,
      resolver_id = app_hidden.require_user_id()
  where r.id = v_refund.id
  returning * into v_refund;
  perform app_hidden.post_ledger(
    'settlement:' || v_refund.id, 'settlement',
    (select p.booking_id from app_public.payments p where p.id = v_refund.payment_id),
    array[
      row('guest_payable', null, v_refund.currency, v_refund.amount),
      row('bank', null, v_refund.currency, -v_refund.amount)
    ]::app_hidden.ledger_posting[],
    payment_id => v_refund.payment_id, refund_id => v_refund.id
  );
  perform app_hidden.audit_operator('settle_refund', v_refund.id);
  perform app_hidden.end_once(settle_refund.idempotency_key, v_refund.id);
  return v_refund;
end
$$;

grant execute on function app_public.settle_refund(uuid, text, text) to :DATABASE_OPERATOR;

comment on function app_public.settle_refund(uuid, text, text) is
  'For the operator: notes that the guest was paid otherwise what a failed refund did not, such as '
  'by a bank transfer, and how. A repeated call with the same key returns the same refund.';
--! EndIncluded checkout/mutations/settle_refund.sql
--! Included checkout/mutations/cancel_booking_as_operator.sql
/*
 * The operator ends a booking. Without a percent the policy decides as if the guest had cancelled;
 * with one, so much of every line goes back. Locks: the key, the units, then the booking.
 */
create or replace function app_public.cancel_booking_as_operator(
  booking_id uuid, idempotency_key text, reason text, refund_percent integer default null
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_reason app_public.prose := app_hidden.require_reason(cancel_booking_as_operator.reason);
  v_once record;
begin
  if refund_percent not between 0 and 100 then
    raise exception 'Between 0 and 100 percent are given back.'
      using errcode = 'SBG04', column = 'refund_percent';
  end if;
  v_once := app_hidden.begin_once(
    cancel_booking_as_operator.idempotency_key, 'cancel_booking_as_operator',
    jsonb_build_object(
      'id', cancel_booking_as_operator.booking_id, 'reason', v_reason, 'percent', refund_percent
    )
  );
  select b.* into v_booking from app_public.bookings b
  where b.id = coalesce(v_once.result_id, cancel_booking_as_operator.booking_id);
  if v_once.ran_before then
    return v_booking;
  end if;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_booking := app_hidden.settle_cancellation(v_booking, 'operator', v_reason, refund_percent);
  perform app_hidden.audit_operator('cancel_booking_as_operator', v_booking.id);
  perform app_hidden.end_once(cancel_booking_as_operator.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.cancel_booking_as_operator(uuid, text, text, integer)
  to :DATABASE_OPERATOR;

comment on function app_public.cancel_booking_as_operator(uuid, text, text, integer) is
  'For the operator: ends a booking with a reason, and gives back so many percent of every line, '
  'or without a percent what the policy says. A repeated call with the same key returns the same '
  'booking.';
--! EndIncluded checkout/mutations/cancel_booking_as_operator.sql
