-- finds: _100_touch on app_public.bad_things
-- finds: touch on app_public.bad_things
create table app_public.bad_things (id int);
create function app_hidden.touch() returns trigger language plpgsql as 'begin return new; end';
create function app_hidden.tg_bad_things__x() returns trigger language plpgsql
  as 'begin return new; end';
create trigger touch before insert on app_public.bad_things
  for each row execute function app_hidden.tg_bad_things__x();
create trigger _100_touch before insert on app_public.bad_things
  for each row execute function app_hidden.touch();
create trigger _200_x before insert on app_public.bad_things
  for each row execute function app_hidden.tg_bad_things__x();
