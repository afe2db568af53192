-- finds: app_private.bad_unforced
-- finds: app_public.bad_open
create table app_public.bad_open (id uuid constraint bad_open_pkey primary key);
create table app_private.bad_unforced (id uuid constraint bad_unforced_pkey primary key);
alter table app_private.bad_unforced enable row level security;
