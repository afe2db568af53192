-- What was changed stays.
insert into app_private.quotas (kind, most)
values
  ('listings', 100),
  ('drafts', 50),
  ('units', 1000),
  ('photos', 2000),
  ('blocks', 2000),
  ('quotes', 200),
  ('holds', 3),
  ('hourly_holds', 20)
on conflict (kind) do nothing;
