-- finds: app_public.bad_copy
-- finds: app_public.bad_view
create view app_public.bad_view as select id from app_public.users;
create materialized view app_public.bad_copy as select id from app_public.users;
create view app_public.good_view with (security_invoker = true) as select id from app_public.users;
