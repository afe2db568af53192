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
