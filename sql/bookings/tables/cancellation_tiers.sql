/*
 * What each cancellation policy gives back. A booking is sold under a policy, so its tiers never
 * change: another promise is another policy.
 */
create table if not exists app_public.cancellation_tiers (
  policy app_public.cancellation_policy not null,
  days_before smallint not null,
  percent smallint not null,

  constraint cancellation_tiers_pkey primary key (policy, days_before),
  constraint cancellation_tiers_days_before_fit check (days_before between 0 and 365),
  constraint cancellation_tiers_percent_fits check (percent between 1 and 100)
);

alter table app_public.cancellation_tiers enable row level security;
alter table app_public.cancellation_tiers force row level security;

create or replace trigger _100_immutable
  before update or delete on app_public.cancellation_tiers
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.cancellation_tiers is
  'What a policy gives back for the nights to a guest who cancels in time; the greatest percent '
  'whose time has not passed.';
comment on column app_public.cancellation_tiers.policy is 'The policy.';
comment on column app_public.cancellation_tiers.days_before is
  'Until so many days before check-in, at the hour of check-in, local to the listing.';
comment on column app_public.cancellation_tiers.percent is
  'How much of the price of the nights is given back, 1 to 100.';

-- What a client is told: the code, and the sentence.
comment on constraint cancellation_tiers_days_before_fit on app_public.cancellation_tiers is
  'INTERNAL: A tier begins at most a year before check-in.';
comment on constraint cancellation_tiers_percent_fits on app_public.cancellation_tiers is
  'INTERNAL: A tier gives back 1 to 100 percent.';
