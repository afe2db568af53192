-- finds: app_public.bad_function()
-- finds: app_public.bad_table
-- finds: :DATABASE_OPERATOR
reset role;
create function app_public.bad_function() returns int language sql security definer return 1;
create table app_public.bad_table (id int);
alter role :DATABASE_OPERATOR bypassrls;
