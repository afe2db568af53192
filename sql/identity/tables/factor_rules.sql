-- Whom the marketplace asks for a second factor; whoever is not in here chooses.
create table if not exists app_private.factor_rules (
  subject app_public.factor_group not null constraint factor_rules_pkey primary key,
  created_at timestamptz not null default app_hidden.clock()
);

alter table app_private.factor_rules enable row level security;
alter table app_private.factor_rules force row level security;

comment on table app_private.factor_rules is 'Who must use a second factor.';
