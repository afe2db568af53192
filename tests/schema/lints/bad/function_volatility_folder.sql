-- finds: app_public.bad_mutation()
-- finds: app_public.bad_query()
create function app_public.bad_query() returns int language sql volatile return 1;
create function app_public.bad_mutation() returns int language sql stable return 1;
create function app_public.good_query() returns int language sql stable return 1;
insert into pg_temp.sql_files (kind, name)
values ('queries', 'bad_query'), ('mutations', 'bad_mutation'), ('queries', 'good_query');
