-- finds: app_public.bad_things
create table app_public.bad_things (id uuid not null unique);
