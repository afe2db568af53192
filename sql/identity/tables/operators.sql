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

create or replace trigger _600_audit_grant
  after insert on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_granted');

create or replace trigger _600_audit_revoke
  after delete on app_private.operators
  for each row execute function app_hidden.tg__audit('operator_revoked');

comment on table app_private.operators is 'People who act with the rights of the operator.';
