-- finds: app_public.bad_others
-- finds: app_public.bad_things
create table app_public.bad_things (id uuid);
grant select, delete, update on app_public.bad_things to :DATABASE_VISITOR;
create table app_public.bad_others (id uuid);
grant insert on app_public.bad_others to :DATABASE_OPERATOR;
create table app_public.good_things (id uuid);
grant select, delete, insert (id), update (id) on app_public.good_things to :DATABASE_VISITOR;
