-- A policy that has no row here gives nothing back for the nights.
insert into app_public.cancellation_tiers (policy, days_before, percent)
values
  ('flexible', 1, 100),
  ('moderate', 5, 100),
  ('moderate', 1, 50),
  ('firm', 30, 100),
  ('firm', 7, 50),
  ('strict', 7, 50)
on conflict on constraint cancellation_tiers_pkey do nothing;
