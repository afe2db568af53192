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
