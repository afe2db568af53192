--! Previous: sha1:3e4ccd773286858256dc5f4385a87d50cbd30368
--! Hash: sha1:d3ed7d79b3502ff3926da82d78551a8474fd28c1
--! Message: let people change and reset their password and end their sessions

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +5 -4   foundation/tg__tell_change.sql
--   new     identity/types/one_time_purpose.sql
--   new     identity/types/session.sql
--   new     identity/tables/one_time_tokens.sql
--   new     identity/tables/account_notices.sql
--   new     identity/tables/sessions.sql
--   new     identity/policies/one_time_tokens.sql
--   new     identity/policies/account_notices.sql
--   new     identity/internal/current_session_id.sql
--   new     identity/internal/end_sessions.sql
--   new     identity/internal/tell_account.sql
--   new     identity/internal/use_one_time_token.sql
--   new     identity/server/is_known_network.sql
--   new     identity/server/find_password.sql
--   new     identity/server/find_one_time_token.sql
--   new     identity/server/ended_sessions.sql
--   new     identity/server/change_password.sql
--   new     identity/server/request_password_reset.sql
--   new     identity/server/request_email_change.sql
--   new     identity/server/set_one_time_token.sql
--   new     identity/server/reset_password.sql
--   new     identity/server/confirm_email_change.sql
--   new     identity/server/find_notice.sql
--   new     identity/server/rotate_refresh_token.sql
--   new     identity/server/start_session.sql
--   new     identity/server/purge_expired_identity.sql
--   new     identity/queries/sessions.sql
--   new     identity/mutations/end_own_session.sql
--   new     identity/mutations/end_other_sessions.sql
-- (npm run db:commit wrote these lines.)

--! Included foundation/tg__tell_change.sql
/*
 * Tells every server what has changed of what it may keep, once the transaction has committed:
 * `listing:<id>` or `user:<id>` for answers to visitors, `session:<id>` for a session that has
 * ended, on the channel staybase_changes. The arguments of the trigger are the kind and the column
 * with the id. A notification that says the same as an earlier
 * one of its transaction is sent once.
 */
create or replace function app_hidden.tg__tell_change() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids text[] := array[]::text[];
begin
  if TG_OP <> 'INSERT' then v_ids := v_ids || (to_jsonb(OLD) ->> TG_ARGV[1]); end if;
  if TG_OP <> 'DELETE' then v_ids := v_ids || (to_jsonb(NEW) ->> TG_ARGV[1]); end if;
  perform pg_notify('staybase_changes', TG_ARGV[0] || ':' || id)
  from (select distinct unnest(v_ids) as id) changed;
  return null;
end
$$;

comment on function app_hidden.tg__tell_change() is
  'Tells servers that something has changed which they may keep.';
--! EndIncluded foundation/tg__tell_change.sql
--! Included identity/types/one_time_purpose.sql
do $$
begin
  create type app_private.one_time_purpose as enum ('reset_password', 'change_email');
exception
  when duplicate_object then null;
end
$$;

comment on type app_private.one_time_purpose is 'What a mailed link may be used for.';
--! EndIncluded identity/types/one_time_purpose.sql
--! Included identity/types/session.sql
do $$
begin
  create type app_public.session as (
    id uuid,
    device text,
    created_at timestamptz,
    last_used_at timestamptz,
    is_current boolean
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.session is 'Where a person is signed in.';
comment on column app_public.session.id is 'Public id of the session.';
comment on column app_public.session.device is 'What the browser or app said of itself.';
comment on column app_public.session.created_at is 'When the person signed in.';
comment on column app_public.session.last_used_at is
  'When it last got a new access token, which it does every quarter of an hour while it is used.';
comment on column app_public.session.is_current is 'Whether this request comes from it.';
--! EndIncluded identity/types/session.sql
--! Included identity/tables/one_time_tokens.sql
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
--! EndIncluded identity/tables/one_time_tokens.sql
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

  constraint account_notices_kind_is_known check (kind in ('password_changed', 'email_changed'))
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
alter table app_private.sessions add column if not exists network text not null default '';
alter table app_private.sessions drop constraint if exists sessions_network_is_bounded;
alter table app_private.sessions
  add constraint sessions_network_is_bounded check (length(network) <= 50) not valid;
alter table app_private.sessions validate constraint sessions_network_is_bounded;
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

create or replace trigger _750_tell_change
  after update of ended_at on app_private.sessions
  for each row when (OLD.ended_at is null and NEW.ended_at is not null)
  execute function app_hidden.tg__tell_change('session', 'id');

comment on table app_private.sessions is 'Where a person is signed in.';
comment on column app_private.sessions.network is
  'From where the person signed in: an IPv4 address, or the first half of an IPv6 one.';

comment on constraint sessions_network_is_bounded on app_private.sessions is
  'INTERNAL: A network is an address, or half of one.';
--! EndIncluded identity/tables/sessions.sql
--! Included identity/policies/one_time_tokens.sql
select app_hidden.drop_policies('app_private.one_time_tokens');
--! EndIncluded identity/policies/one_time_tokens.sql
--! Included identity/policies/account_notices.sql
select app_hidden.drop_policies('app_private.account_notices');
--! EndIncluded identity/policies/account_notices.sql
--! Included identity/internal/current_session_id.sql
create or replace function app_hidden.current_session_id() returns uuid
language sql stable parallel safe
return nullif(current_setting('staybase.session_id', true), '')::uuid;

grant execute on function app_hidden.current_session_id()
  to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.current_session_id() is
  'The session from which somebody asks, or null.';
--! EndIncluded identity/internal/current_session_id.sql
--! Included identity/internal/end_sessions.sql
/*
 * Ends what lives of a person's sessions, but for one. Each server hears of it at the commit, by
 * the trigger on the table.
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
  where s.user_id = end_sessions.user_id and s.ended_at is null
    and s.id is distinct from end_sessions.except_id;
  get diagnostics v_ended = row_count;
  return v_ended;
end
$$;

comment on function app_hidden.end_sessions(uuid, uuid) is
  'Signs a person out everywhere, but for one session; says of how many.';
--! EndIncluded identity/internal/end_sessions.sql
--! Included identity/internal/tell_account.sql
create or replace function app_hidden.tell_account(user_id uuid, kind text, email text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_notice_id uuid;
begin
  insert into app_private.account_notices (user_id, kind, email)
  values (tell_account.user_id, tell_account.kind, tell_account.email)
  returning id into v_notice_id;
  perform app_hidden.add_job('mail__send_notice', jsonb_build_object('noticeId', v_notice_id));
end
$$;

comment on function app_hidden.tell_account(uuid, text, text) is
  'Queues the mail that tells a person what has changed about their account.';
--! EndIncluded identity/internal/tell_account.sql
--! Included identity/internal/use_one_time_token.sql
create or replace function app_hidden.use_one_time_token(
  token_hash bytea, purpose text
) returns app_private.one_time_tokens
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens;
begin
  delete from app_private.one_time_tokens t
  where t.token_hash = use_one_time_token.token_hash
    and t.purpose = use_one_time_token.purpose::app_private.one_time_purpose
  returning * into v_token;
  if v_token.id is null or v_token.expires_at <= app_hidden.clock() then
    raise exception 'This link is used or too old. Ask for a new one.' using errcode = 'SBI04';
  end if;
  return v_token;
end
$$;

comment on function app_hidden.use_one_time_token(bytea, text) is
  'Takes a link out of use and says what it was for; LINK_INVALID otherwise.';
--! EndIncluded identity/internal/use_one_time_token.sql
--! Included identity/server/is_known_network.sql
/*
 * Whether somebody has signed in to an account from a network before: then strangers who guess
 * passwords elsewhere do not keep them out.
 */
create or replace function app_private.is_known_network(email text, network text)
returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.sessions s
    join app_public.user_contacts c on c.user_id = s.user_id
    where c.email = is_known_network.email and s.network = is_known_network.network
  )
$$;

grant execute on function app_private.is_known_network(text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.is_known_network(text, text) is
  'Whether the account with an address was signed in to from a network before.';
--! EndIncluded identity/server/is_known_network.sql
--! Included identity/server/find_password.sql
create or replace function app_private.find_password(
  user_id uuid, out password_hash text, out email text, out display_name text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.password_hash, c.email, u.display_name
  from app_public.users u
  join app_public.user_contacts c on c.user_id = u.id
  left join app_private.user_secrets s on s.user_id = u.id
  where u.id = find_password.user_id
$$;

grant execute on function app_private.find_password(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_password(uuid) is
  'What the password of somebody who is signed in is checked against, and a new one compared with.';
--! EndIncluded identity/server/find_password.sql
--! Included identity/server/find_one_time_token.sql
create or replace function app_private.find_one_time_token(token_hash bytea, purpose text)
returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_private.one_time_tokens t
    where t.token_hash = find_one_time_token.token_hash
      and t.purpose = find_one_time_token.purpose::app_private.one_time_purpose
      and t.expires_at > app_hidden.clock()
  )
$$;

grant execute on function app_private.find_one_time_token(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_one_time_token(bytea, text) is
  'Whether a mailed link is still good for its purpose.';
--! EndIncluded identity/server/find_one_time_token.sql
--! Included identity/server/ended_sessions.sql
/*
 * What a server learns when it begins to listen: which access tokens may still be in somebody's
 * hands although their session has ended.
 */
create or replace function app_private.ended_sessions(age interval) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.id from app_private.sessions s
  where s.ended_at > app_hidden.clock() - ended_sessions.age
  order by s.ended_at desc
  limit 10000
$$;

grant execute on function app_private.ended_sessions(interval) to :DATABASE_AUTHENTICATOR;

comment on function app_private.ended_sessions(interval) is
  'The sessions that have ended within some time, the last ones first, 10,000 at most.';
--! EndIncluded identity/server/ended_sessions.sql
--! Included identity/server/change_password.sql
/*
 * The server has checked who asks. All other sessions end, and links that would set a password stop
 * working: what was stolen before is worth nothing any more.
 */
create or replace function app_private.change_password(
  user_id uuid, password_hash text, kept_session_id uuid
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text;
begin
  insert into app_private.user_secrets (user_id, password_hash)
  values (change_password.user_id, change_password.password_hash)
  on conflict on constraint user_secrets_pkey
    do update set password_hash = excluded.password_hash;
  perform app_hidden.end_sessions(change_password.user_id, change_password.kept_session_id);
  select c.email into v_email from app_public.user_contacts c
  where c.user_id = change_password.user_id;
  delete from app_private.one_time_tokens t
  where t.user_id = change_password.user_id
    or (t.purpose = 'reset_password' and t.email = v_email);
  perform app_hidden.tell_account(change_password.user_id, 'password_changed', v_email);
end
$$;

grant execute on function app_private.change_password(uuid, text, uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.change_password(uuid, text, uuid) is
  'Sets a password, ends all sessions but the one that is kept, and tells the person.';
--! EndIncluded identity/server/change_password.sql
--! Included identity/server/request_password_reset.sql
/*
 * Notes the wish for a new password and queues the mail. It does the same whether the address is
 * known or not; the mail job finds out (set_one_time_token), and mails nothing to who has no
 * account.
 */
create or replace function app_private.request_password_reset(email text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token_id uuid;
begin
  insert into app_private.one_time_tokens (purpose, email)
  values ('reset_password', request_password_reset.email)
  returning id into v_token_id;
  perform app_hidden.add_job('mail__send_link', jsonb_build_object('tokenId', v_token_id));
end
$$;

grant execute on function app_private.request_password_reset(text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.request_password_reset(text) is
  'Starts a reset of a password; the answer never tells whether the address has an account.';
--! EndIncluded identity/server/request_password_reset.sql
--! Included identity/server/request_email_change.sql
/*
 * Notes the wish for another address and queues the mail that proves it. Nothing changes until the
 * link in it is opened, and nobody is told here whether the address belongs to somebody.
 */
create or replace function app_private.request_email_change(user_id uuid, email text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token_id uuid;
begin
  insert into app_private.one_time_tokens (purpose, email, user_id)
  values ('change_email', request_email_change.email, request_email_change.user_id)
  returning id into v_token_id;
  perform app_hidden.add_job('mail__send_link', jsonb_build_object('tokenId', v_token_id));
end
$$;

grant execute on function app_private.request_email_change(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.request_email_change(uuid, text) is
  'Starts a change of address, which the link in a mail to the new address completes.';
--! EndIncluded identity/server/request_email_change.sql
--! Included identity/server/set_one_time_token.sql
/*
 * Called by the mail job with the hash of a token that it has just drawn. Links that were mailed
 * before for the same purpose and address stop working, so that one link at most is good. What is
 * null needs no mail: the wish is gone, nobody has the address, or somebody else has it already.
 */
create or replace function app_private.set_one_time_token(
  token_id uuid, token_hash bytea, out purpose text, out email text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens;
begin
  select t.* into v_token from app_private.one_time_tokens t
  where t.id = set_one_time_token.token_id and t.expires_at > app_hidden.clock();
  if v_token.id is null or (v_token.purpose = 'reset_password') is distinct from exists (
    select from app_public.user_contacts c where c.email = v_token.email
  ) then
    return;
  end if;
  delete from app_private.one_time_tokens t
  where t.purpose = v_token.purpose and t.id < v_token.id
    and t.email = v_token.email and t.user_id is not distinct from v_token.user_id;
  update app_private.one_time_tokens t set token_hash = set_one_time_token.token_hash
  where t.id = v_token.id;
  purpose := v_token.purpose::text;
  email := v_token.email;
end
$$;

grant execute on function app_private.set_one_time_token(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.set_one_time_token(uuid, bytea) is
  'Gives a mailed link its token and says what the mail job needs; nulls where there is no mail.';
--! EndIncluded identity/server/set_one_time_token.sql
--! Included identity/server/reset_password.sql
/*
 * The link was opened: the password is new, and whoever was signed in is so no longer, for the
 * person may have asked because somebody else is. The link proves the mailbox as well.
 */
create or replace function app_private.reset_password(token_hash bytea, password_hash text)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens :=
    app_hidden.use_one_time_token(reset_password.token_hash, 'reset_password');
  v_user_id uuid;
begin
  update app_public.user_contacts c
  set email_verified_at = coalesce(c.email_verified_at, app_hidden.clock())
  where c.email = v_token.email
  returning c.user_id into v_user_id;
  -- The address has become another's, or nobody's, since the mail.
  if v_user_id is null then
    raise exception 'This link is used or too old. Ask for a new one.' using errcode = 'SBI04';
  end if;
  perform app_private.change_password(v_user_id, reset_password.password_hash, null);
  return v_user_id;
end
$$;

grant execute on function app_private.reset_password(bytea, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.reset_password(bytea, text) is
  'Gives the person whose mailbox the token proves a new password; LINK_INVALID otherwise.';
--! EndIncluded identity/server/reset_password.sql
--! Included identity/server/confirm_email_change.sql
/*
 * The link in the mail to the new address was opened: it is the person's from now on, and the old
 * address is told. Links to the old one stop working.
 */
create or replace function app_private.confirm_email_change(token_hash bytea) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token app_private.one_time_tokens :=
    app_hidden.use_one_time_token(confirm_email_change.token_hash, 'change_email');
  v_old text;
begin
  select c.email into v_old from app_public.user_contacts c
  where c.user_id = v_token.user_id for update;
  update app_public.user_contacts c
  set email = v_token.email, email_verified_at = app_hidden.clock()
  where c.user_id = v_token.user_id;
  delete from app_private.one_time_tokens t
  where t.user_id = v_token.user_id or (t.purpose = 'reset_password' and t.email = v_old);
  perform app_hidden.tell_account(v_token.user_id, 'email_changed', v_old);
  return v_token.user_id;
exception
  -- Somebody else has taken the address since the mail.
  when unique_violation then
    raise exception 'This link is used or too old. Ask for a new one.' using errcode = 'SBI04';
end
$$;

grant execute on function app_private.confirm_email_change(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.confirm_email_change(bytea) is
  'Gives a person the address that the token proves; LINK_INVALID otherwise.';
--! EndIncluded identity/server/confirm_email_change.sql
--! Included identity/server/find_notice.sql
create or replace function app_private.find_notice(
  notice_id uuid, out kind text, out email text, out display_name text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select n.kind, n.email, u.display_name
  from app_private.account_notices n
  join app_public.users u on u.id = n.user_id
  where n.id = find_notice.notice_id
$$;

grant execute on function app_private.find_notice(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.find_notice(uuid) is
  'What the mail of a notice says and where it goes; nulls where it is gone.';
--! EndIncluded identity/server/find_notice.sql
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
drop function if exists app_private.start_session(uuid, bytea, text, interval);
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

  is_operator := exists (
    select from app_private.operators o where o.user_id = start_session.user_id
  );
end
$$;

grant execute on function app_private.start_session(uuid, bytea, text, interval, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.start_session(uuid, bytea, text, interval, text) is
  'Opens a session with its first refresh token.';
--! EndIncluded identity/server/start_session.sql
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
  -- A week longer than needed, so that a stolen token that comes back late is still recognised.
  delete from app_private.sessions where expires_at < app_hidden.clock() - interval '7 days';
end
$$;

grant execute on function app_private.purge_expired_identity() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_expired_identity() is
  'Removes registrations and sessions that are past their time.';
--! EndIncluded identity/server/purge_expired_identity.sql
--! Included identity/queries/sessions.sql
create or replace function app_public.sessions() returns setof app_public.session
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.id, s.user_agent, s.created_at, s.last_used_at, s.id = app_hidden.current_session_id()
  from app_private.sessions s
  where s.user_id = app_public.current_user_id() and s.ended_at is null
    and s.expires_at > app_hidden.clock()
  order by s.last_used_at desc, s.id desc
  limit 100
$$;

grant execute on function app_public.sessions() to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.sessions() is
  'Where the person who asks is signed in, what was used last first; the last hundred.';
--! EndIncluded identity/queries/sessions.sql
--! Included identity/mutations/end_own_session.sql
create or replace function app_public.end_own_session(session_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
begin
  update app_private.sessions s set ended_at = app_hidden.clock()
  where s.id = end_own_session.session_id and s.user_id = v_user_id and s.ended_at is null;
  if not found then
    raise exception 'There is no such session.' using errcode = 'SBG02', column = 'session_id';
  end if;
  return end_own_session.session_id;
end
$$;

grant execute on function app_public.end_own_session(uuid)
  to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.end_own_session(uuid) is
  'Signs the person who asks out of one of their sessions, on all servers at once.';
--! EndIncluded identity/mutations/end_own_session.sql
--! Included identity/mutations/end_other_sessions.sql
create or replace function app_public.end_other_sessions() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return app_hidden.end_sessions(
    app_hidden.require_user_id(), app_hidden.current_session_id()
  );
end
$$;

grant execute on function app_public.end_other_sessions()
  to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.end_other_sessions() is
  'Signs the person who asks out everywhere else; says of how many sessions.';
--! EndIncluded identity/mutations/end_other_sessions.sql
