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
