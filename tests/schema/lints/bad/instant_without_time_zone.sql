-- finds: app_public.bad_times.made_at
-- finds: app_public.bad_times.seen_at
create table app_public.bad_times (made_at timestamp, seen_at date, good_at timestamptz, day date);
