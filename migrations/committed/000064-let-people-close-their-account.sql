--! Previous: sha1:3af3a68b402e505fc3ccdf6176f8d002bf6bad49
--! Hash: sha1:38c3b1b59e062ce95176a0aed22923764935c2b0
--! Message: let people close their account

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +2 -2   identity/tables/account_notices.sql
--   new     identity/server/end_notice.sql
--   new     payments/server/forget_stripe_customer.sql
--   +3 -0   stripe/tables/stripe_events.sql
--   new     operations/tables/erasures.sql
--   new     operations/policies/erasures.sql
--   new     operations/internal/has_open_refunds.sql
--   new     operations/internal/host_balances.sql
--   new     operations/internal/account_in_use.sql
--   new     operations/internal/lock_person.sql
--   new     operations/internal/erase_sign_in.sql
--   new     operations/internal/erase_host.sql
--   new     operations/internal/erase_guest.sql
--   new     operations/internal/erase_data.sql
--   new     operations/internal/erase_person.sql
--   new     operations/server/close_account.sql
--   new     operations/server/finish_erasure.sql
--   new     operations/server/requeue_erasures.sql
--   new     operations/mutations/erase_user.sql
-- (npm run db:commit wrote these lines.)

alter table app_private.account_notices
  drop constraint if exists account_notices_kind_is_known;
alter table app_private.account_notices add constraint account_notices_kind_is_known
  check (kind in (
    'password_changed', 'email_changed', 'factor_enabled', 'factor_disabled', 'recovery_code_used',
    'identity_linked', 'identity_removed', 'suspended', 'reinstated', 'account_closed'
  ));
--! Included identity/tables/account_notices.sql
/*
 * What a person is told about their account after it has happened, at the address that it had
 * then: a thief who changes the address must not change who is told. A notice goes when it is sent.
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
    'identity_linked', 'identity_removed', 'suspended', 'reinstated', 'account_closed'
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
--! Included identity/server/end_notice.sql
create or replace function app_private.end_notice(notice_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.account_notices n where n.id = end_notice.notice_id
$$;

grant execute on function app_private.end_notice(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_notice(uuid) is
  'Forgets a notice, with its address, when its mail was handed over or refused for good.';
--! EndIncluded identity/server/end_notice.sql
--! Included payments/server/forget_stripe_customer.sql
create or replace function app_private.forget_stripe_customer(user_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.stripe_customers c where c.user_id = forget_stripe_customer.user_id
$$;

grant execute on function app_private.forget_stripe_customer(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.forget_stripe_customer(uuid) is
  'Notes that Stripe knows a person no longer.';
--! EndIncluded payments/server/forget_stripe_customer.sql
--! Included stripe/tables/stripe_events.sql
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
  account text,
  livemode boolean,
  ignored_because text,
  asked_at timestamptz,

  constraint stripe_events_ignored_is_known
    check (ignored_because in ('other_account', 'other_mode')),
  constraint stripe_events_id_has_shape check (id ~ '^evt_[A-Za-z0-9_]{1,250}$')
);

alter table app_private.stripe_events enable row level security;
alter table app_private.stripe_events force row level security;

-- What is not done yet, what was looked at longest ago first, for requeue_stale_stripe().
create index if not exists stripe_events_waiting_idx
  on app_private.stripe_events (coalesce(asked_at, received_at))
  where processed_at is null;

-- purge_stripe_events() finds what may be forgotten.
create index if not exists stripe_events_processed_at_idx
  on app_private.stripe_events (processed_at) where processed_at is not null;

-- What was told of one person's payments, to be erased with them.
create index if not exists stripe_events_object_id_idx on app_private.stripe_events (object_id);

comment on table app_private.stripe_events is 'Events that Stripe sent, each once.';

-- What a client is told: the code, and the sentence.
comment on constraint stripe_events_id_has_shape on app_private.stripe_events is
  'INVALID_INPUT: The id of an event begins with evt_.';
--! EndIncluded stripe/tables/stripe_events.sql
--! Included operations/tables/erasures.sql
/*
 * Whose personal data were erased. The row of the person stays under its id, for bookings and the
 * ledger name it; this tells a former member from an imported host, who has no contacts either.
 * After a restore from a backup, it says who has to be erased again.
 */
create table if not exists app_private.erasures (
  user_id uuid not null
    constraint erasures_pkey primary key
    constraint erasures_user_id_fkey references app_public.users on delete cascade,
  operator_id uuid
    constraint erasures_operator_id_fkey references app_public.users on delete set null,
  reason app_public.prose not null default '',
  created_at timestamptz not null default app_hidden.clock(),

  constraint erasures_reason_is_bounded check (length(reason) <= 1000),
  constraint erasures_operator_says_why check (operator_id is null or reason <> '')
);

alter table app_private.erasures enable row level security;
alter table app_private.erasures force row level security;

create index if not exists erasures_operator_id_idx on app_private.erasures (operator_id);

comment on table app_private.erasures is 'Whose personal data were erased, and when.';
comment on column app_private.erasures.user_id is 'The former member.';
comment on column app_private.erasures.operator_id is
  'Which operator did it; null where the person closed the account.';
comment on column app_private.erasures.reason is
  'Why, where an operator did it, such as the date of a letter; no personal data.';
comment on column app_private.erasures.created_at is 'When.';

comment on constraint erasures_reason_is_bounded on app_private.erasures is
  'INVALID_INPUT: A reason has at most 1000 characters.';
comment on constraint erasures_operator_says_why on app_private.erasures is
  'INTERNAL: An operator says why.';
--! EndIncluded operations/tables/erasures.sql
--! Included operations/policies/erasures.sql
select app_hidden.drop_policies('app_private.erasures');
--! EndIncluded operations/policies/erasures.sql
--! Included operations/internal/has_open_refunds.sql
create or replace function app_hidden.has_open_refunds(user_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.bookings b
    join app_public.payments p on p.booking_id = b.id
    join app_public.refunds r on r.payment_id = p.id
    where b.guest_id = has_open_refunds.user_id
      and (r.status in ('requested', 'pending') or r.needs_attention)
  ) or exists (
    select from app_public.bookings b
    join app_public.unknown_charges c on c.booking_id = b.id
    where b.guest_id = has_open_refunds.user_id and c.status <> 'succeeded'
  )
$$;

comment on function app_hidden.has_open_refunds(uuid) is
  'Whether a guest is owed money that has not arrived.';
--! EndIncluded operations/internal/has_open_refunds.sql
--! Included operations/internal/host_balances.sql
create or replace function app_hidden.host_balances(
  user_id uuid, out is_owed boolean, out owes boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(bool_or(b.kind = 'host_payable' and b.amount <> 0), false),
    coalesce(bool_or(b.kind = 'host_receivable' and b.amount <> 0), false)
  from (
    select a.kind, sum(e.amount) as amount
    from app_public.ledger_accounts a
    join app_public.ledger_entries e on e.account_id = a.id and e.currency = a.currency
    where a.user_id = host_balances.user_id
    group by a.id
  ) b
$$;

comment on function app_hidden.host_balances(uuid) is
  'Whether the ledger owes a host anything, and whether the host owes it.';
--! EndIncluded operations/internal/host_balances.sql
--! Included operations/internal/account_in_use.sql
/*
 * What must come to an end before a person can be erased, as words for programs. A letter to the
 * operator may end what a person cannot: then earnings stay owed, to whom the ledger says.
 */
create or replace function app_hidden.account_in_use(user_id uuid, may_be_owed boolean)
returns text[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select array_remove(array[
    case when exists (
      select from app_private.operators o where o.user_id = account_in_use.user_id
    ) then 'OPERATOR' end,
    case when exists (
      select from app_public.bookings b
      where account_in_use.user_id in (b.guest_id, b.host_id)
        and b.status in ('pending_payment', 'requested', 'accepted', 'confirmed')
    ) then 'BOOKINGS' end,
    case when app_hidden.has_open_refunds(account_in_use.user_id) then 'REFUNDS' end,
    case when b.is_owed and not account_in_use.may_be_owed then 'EARNINGS' end,
    case when b.owes then 'DEBTS' end
  ], null)
  from app_hidden.host_balances(account_in_use.user_id) b
$$;

comment on function app_hidden.account_in_use(uuid, boolean) is
  'Why a person cannot be erased yet: OPERATOR, BOOKINGS, REFUNDS, EARNINGS, DEBTS; or nothing.';
--! EndIncluded operations/internal/account_in_use.sql
--! Included operations/internal/lock_person.sql
/*
 * The locks on a person, their listings and the units of these, in the order of sql/README.md: so
 * no booking begins while it is looked whether there is one. Whoever waits for a unit meanwhile
 * finds its listing archived afterwards; a quote of the person is gone.
 */
create or replace function app_hidden.lock_person(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_ids uuid[];
  v_id uuid;
begin
  perform app_hidden.lock_guest(lock_person.user_id);
  v_listing_ids := array(
    select l.id from app_public.listings l where l.host_id = lock_person.user_id order by l.id
  );
  foreach v_id in array v_listing_ids loop
    perform app_hidden.lock_listing(v_id);
  end loop;
  foreach v_id in array v_listing_ids loop
    perform app_hidden.lock_units(v_id);
  end loop;
end
$$;

comment on function app_hidden.lock_person(uuid) is
  'Locks a person and all that they advertise until commit.';
--! EndIncluded operations/internal/lock_person.sql
--! Included operations/internal/erase_sign_in.sql
/*
 * How a person is reached and signs in, and from where they did. Sessions end by an update, so that
 * every server hears of it; the audit log keeps what was done, and by whom.
 */
create or replace function app_hidden.erase_sign_in(user_id uuid, email text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := erase_sign_in.user_id;
begin
  delete from app_private.registrations r where r.email = erase_sign_in.email;
  delete from app_private.one_time_tokens t
  where t.user_id = v_user_id or t.email = erase_sign_in.email;
  delete from app_private.oidc_proofs p
  where p.email = erase_sign_in.email or exists (
    select from app_private.identities i
    where i.user_id = v_user_id and i.issuer = p.issuer and i.subject = p.subject
  );
  delete from app_private.identities i where i.user_id = v_user_id;
  delete from app_private.second_factors f where f.user_id = v_user_id;
  delete from app_private.user_secrets s where s.user_id = v_user_id;
  delete from app_private.user_quotas q where q.user_id = v_user_id;
  delete from app_private.idempotency_keys k where k.user_id = v_user_id;
  delete from app_public.user_contacts c where c.user_id = v_user_id;

  perform app_hidden.end_sessions(v_user_id);
  delete from app_private.refresh_tokens t
  using app_private.sessions s
  where s.id = t.session_id and s.user_id = v_user_id;
  update app_private.sessions s set network = '', user_agent = ''
  where v_user_id in (s.user_id, s.impersonator_id)
    and (s.network <> '' or s.user_agent <> '');
  -- What operators wrote about the person.
  update app_private.sessions s set impersonated_because = 'Erased.'
  where s.user_id = v_user_id and s.impersonated_because <> 'Erased.';
  update app_public.suspensions s set reason = 'Erased.'
  where s.user_id = v_user_id and s.reason <> 'Erased.';
  update app_public.audit_entries a set network = '', device = '', reason = ''
  where v_user_id in (a.actor_id, a.user_id)
    and (a.network <> '' or a.device <> '' or a.reason <> '');
end
$$;

comment on function app_hidden.erase_sign_in(uuid, text) is
  'Erases how a person is reached and signs in, and from where they did.';
--! EndIncluded operations/internal/erase_sign_in.sql
--! Included operations/internal/erase_host.sql
/*
 * What a person advertised. A listing stays archived, without a word or a place of theirs: guests
 * who were there still find the city in their history. The caller holds the listings and their
 * units.
 */
create or replace function app_hidden.erase_host(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_ids uuid[] := array(
    select l.id from app_public.listings l where l.host_id = erase_host.user_id
  );
begin
  -- First, for a published listing keeps a photo.
  update app_public.listings l
  set status = 'archived', title = 'Former listing', description = '', house_rules = null,
      region = null,
      -- To some ten kilometres: the city is known anyway.
      public_longitude = round(l.public_longitude::numeric, 1),
      public_latitude = round(l.public_latitude::numeric, 1)
  where l.id = any (v_listing_ids)
    and row(l.status, l.title::text, l.description::text, l.house_rules::text, l.region::text)
      is distinct from
        row('archived'::app_public.listing_status, 'Former listing', '', null::text, null::text);
  delete from app_public.listing_photos p where p.listing_id = any (v_listing_ids);
  delete from app_public.listing_addresses a where a.listing_id = any (v_listing_ids);
  delete from app_private.public_places p where p.host_id = erase_host.user_id;
  delete from app_public.calendar_claims c
  where c.listing_id = any (v_listing_ids) and c.booking_id is null;
  update app_public.calendar_claims c set note = ''
  where c.listing_id = any (v_listing_ids) and c.note <> '';
  delete from app_private.imported_listings i where i.listing_id = any (v_listing_ids);
  delete from app_private.imported_hosts h where h.user_id = erase_host.user_id;
  -- The rules of a stay that is over bind nobody, and may have said where the key is.
  update app_public.bookings b set house_rules = null
  where b.host_id = erase_host.user_id and b.house_rules is not null;
end
$$;

comment on function app_hidden.erase_host(uuid) is
  'Erases what a person advertised, but for what guests keep of their stays.';
--! EndIncluded operations/internal/erase_host.sql
--! Included operations/internal/erase_guest.sql
/*
 * What a person was about to do and what others were told for them. What Stripe said of their
 * payments has been acted on; that it came is remembered, so that it is not acted on again.
 */
create or replace function app_hidden.erase_guest(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.quotes q
  where q.guest_id = erase_guest.user_id
    and not exists (select from app_public.bookings b where b.quote_id = q.id)
    and not exists (select from app_public.alterations a where a.quote_id = q.id);
  update app_public.bookings b set idempotency_key = b.id::text
  where b.guest_id = erase_guest.user_id and b.idempotency_key <> b.id::text;
  delete from app_private.mails m where m.user_id = erase_guest.user_id;

  update app_private.stripe_events e set payload = '{}'
  where e.processed_at is not null and e.payload <> '{}' and e.object_id = any (array(
    select c.stripe_customer_id from app_private.stripe_customers c
    where c.user_id = erase_guest.user_id
    union all
    select unnest(array[
      p.stripe_payment_intent_id, p.stripe_charge_id, r.stripe_refund_id,
      u.stripe_payment_intent_id, u.stripe_charge_id, u.stripe_refund_id
    ])
    from app_public.bookings b
    left join app_public.payments p on p.booking_id = b.id
    left join app_public.refunds r on r.payment_id = p.id
    left join app_public.unknown_charges u on u.booking_id = b.id
    where b.guest_id = erase_guest.user_id
  ));
end
$$;

comment on function app_hidden.erase_guest(uuid) is
  'Erases offers that a person did not take, and what was told about their stays and payments.';
--! EndIncluded operations/internal/erase_guest.sql
--! Included operations/internal/erase_data.sql
/*
 * Everything that says who somebody was, in the order of locks (sql/README.md): the caller has
 * locked the contacts and calls lock_person(). It may run again, and does: a request that had begun
 * before the sessions ended may write after it.
 */
create or replace function app_hidden.erase_data(user_id uuid, email text default null)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.users u
  set display_name = 'Former member', avatar_url = null, bio = '', languages = '{}',
      location = null
  where u.id = erase_data.user_id
    and row(u.display_name, u.avatar_url::text, u.bio, u.languages, u.location::text)
      is distinct from row('Former member', null::text, '', '{}'::text[], null::text);
  perform app_hidden.erase_host(erase_data.user_id);
  perform app_hidden.erase_guest(erase_data.user_id);
  perform app_hidden.erase_sign_in(erase_data.user_id, erase_data.email);
end
$$;

comment on function app_hidden.erase_data(uuid, text) is
  'Erases the personal data of somebody; what bookings and the ledger need stays.';
--! EndIncluded operations/internal/erase_data.sql
--! Included operations/internal/erase_person.sql
/*
 * Erases somebody, if nothing is open that others wait for. The address that they had is told, by a
 * notice that goes when it is sent. A minute later a job looks for what came too late, and tells
 * Stripe. Locks: the contacts, then as lock_person() says, then bookings.
 */
create or replace function app_hidden.erase_person(
  user_id uuid, may_be_owed boolean, operator_id uuid default null, reason text default ''
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
  v_in_use text[];
begin
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = erase_person.user_id for update;
  perform app_hidden.lock_person(erase_person.user_id);
  v_in_use := app_hidden.account_in_use(erase_person.user_id, erase_person.may_be_owed);
  if v_in_use <> '{}' then
    raise exception 'The account is in use: %. Let that come to its end first.',
      lower(array_to_string(v_in_use, ', '))
      using errcode = 'SBI30', detail = to_jsonb(v_in_use)::text;
  end if;

  insert into app_private.erasures (user_id, operator_id, reason)
  values (erase_person.user_id, erase_person.operator_id, erase_person.reason)
  on conflict on constraint erasures_pkey do nothing;
  if not found then
    return;
  end if;
  perform app_hidden.audit('account_closed', erase_person.user_id);
  if v_email is not null then
    perform app_hidden.tell_account(erase_person.user_id, 'account_closed', v_email);
  end if;
  perform app_hidden.erase_data(erase_person.user_id, v_email);
  perform app_hidden.add_job(
    'account__finish_erasure', jsonb_build_object('userId', erase_person.user_id),
    'erasure:' || erase_person.user_id, app_hidden.clock() + interval '1 minute'
  );
end
$$;

comment on function app_hidden.erase_person(uuid, boolean, uuid, text) is
  'Erases the personal data of somebody; ACCOUNT_IN_USE while others wait for something.';
--! EndIncluded operations/internal/erase_person.sql
--! Included operations/server/close_account.sql
-- Called by the server, which has checked that the person has just shown who they are.
create or replace function app_private.close_account(user_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.erase_person(close_account.user_id, false)
$$;

grant execute on function app_private.close_account(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.close_account(uuid) is
  'Closes an account and erases whose it was; ACCOUNT_IN_USE says what is in the way.';
--! EndIncluded operations/server/close_account.sql
--! Included operations/server/finish_erasure.sql
-- Says whether the person was erased at all: a job may be older than a restored backup.
create or replace function app_private.finish_erasure(user_id uuid) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_private.erasures e where e.user_id = finish_erasure.user_id
  ) then
    return false;
  end if;
  perform app_hidden.lock_person(finish_erasure.user_id);
  perform app_hidden.erase_data(finish_erasure.user_id);
  return true;
end
$$;

grant execute on function app_private.finish_erasure(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.finish_erasure(uuid) is
  'Erases what a former member has written while their sessions ended; false for who is none.';
--! EndIncluded operations/server/finish_erasure.sql
--! Included operations/server/requeue_erasures.sql
/*
 * Asks again for what a job has not done: Stripe may not have answered for longer than a job has
 * attempts, or has made its record while the account closed.
 */
create or replace function app_private.requeue_erasures() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_ids uuid[] := array(
    select e.user_id from app_private.erasures e
    join app_private.stripe_customers c on c.user_id = e.user_id
    where not app_hidden.job_is_pending('erasure:' || e.user_id)
  );
begin
  perform app_hidden.add_job(
    'account__finish_erasure', jsonb_build_object('userId', id), 'erasure:' || id
  )
  from unnest(v_user_ids) id;
  return cardinality(v_user_ids);
end
$$;

grant execute on function app_private.requeue_erasures() to :DATABASE_AUTHENTICATOR;

comment on function app_private.requeue_erasures() is
  'Queues the jobs of former members whom Stripe still knows; says how many.';
--! EndIncluded operations/server/requeue_erasures.sql
--! Included operations/mutations/erase_user.sql
/*
 * For who asks by letter, or cannot sign in any more. Earnings stay owed, as the ledger has them.
 * To erase somebody twice is to erase them once, so there is no key.
 */
create or replace function app_public.erase_user(user_id uuid, reason text)
returns app_public.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_operator_id uuid := app_hidden.require_user_id();
  v_reason app_public.prose := app_hidden.require_reason(erase_user.reason);
  v_user app_public.users;
begin
  if not exists (select from app_public.users u where u.id = erase_user.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  perform app_hidden.erase_person(erase_user.user_id, true, v_operator_id, v_reason);
  perform app_hidden.audit_operator('erase_user', erase_user.user_id, erase_user.user_id);
  select u.* into v_user from app_public.users u where u.id = erase_user.user_id;
  return v_user;
end
$$;

grant execute on function app_public.erase_user(uuid, text) to :DATABASE_OPERATOR;

comment on function app_public.erase_user(uuid, text) is
  'For the operator: closes the account of somebody who asks for it otherwise, and erases whose it '
  'was. What the ledger owes them stays owed; ACCOUNT_IN_USE while others wait for something. No '
  'operator is erased: revoke first.';
--! EndIncluded operations/mutations/erase_user.sql
