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

comment on table app_private.operators is 'People who act with the rights of the operator.';
