-- finds: app_public.bad_composite.part
-- finds: app_public.bad_domain
-- finds: app_public.bad_enum
-- finds: app_public.bad_function()
-- finds: app_public.bad_table
-- finds: app_public.bad_table.id
-- finds: app_public.bad_view
-- finds: app_public.bad_view.one
create table app_public.bad_table (id uuid);
comment on column app_public.bad_table.id is E'The id.\n@omit';
create type app_public.bad_enum as enum ('a');
create domain app_public.bad_domain as text;
create type app_public.bad_composite as (part text);
comment on type app_public.bad_composite is 'Explained, but not its part.';
create view app_public.bad_view as select 1 as one;
create function app_public.bad_function() returns int language sql return 1;
