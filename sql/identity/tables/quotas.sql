-- How much each person may have of what costs nothing to make; user_quotas has the exceptions.
create table if not exists app_private.quotas (
  kind app_public.quota_kind not null constraint quotas_pkey primary key,
  most integer not null,

  constraint quotas_most_is_not_negative check (most >= 0)
);

alter table app_private.quotas enable row level security;
alter table app_private.quotas force row level security;

comment on table app_private.quotas is 'How much everybody may have.';
