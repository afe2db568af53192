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
