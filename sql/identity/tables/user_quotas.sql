create table if not exists app_private.user_quotas (
  user_id uuid not null
    constraint user_quotas_user_id_fkey references app_public.users on delete cascade,
  kind app_public.quota_kind not null
    constraint user_quotas_kind_fkey references app_private.quotas on delete restrict,
  most integer not null,

  constraint user_quotas_pkey primary key (user_id, kind),
  constraint user_quotas_most_is_not_negative check (most >= 0)
);

alter table app_private.user_quotas enable row level security;
alter table app_private.user_quotas force row level security;

create index if not exists user_quotas_kind_idx on app_private.user_quotas (kind);

comment on table app_private.user_quotas is 'How much one person may have instead.';
