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

create or replace trigger _600_audit_password
  after update of password_hash on app_private.user_secrets
  for each row when (OLD.password_hash is distinct from NEW.password_hash)
  execute function app_hidden.tg__audit('password_changed', 'self');

comment on table app_private.user_secrets is
  'What proves that a person is who they say; no client role reads it.';
