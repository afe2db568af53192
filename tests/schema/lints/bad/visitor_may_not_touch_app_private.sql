-- finds: app_private.bad_call()
-- finds: app_private.bad_open
-- finds: app_private.bad_secrets.word
-- finds: schema app_private
grant usage on schema app_private to :DATABASE_VISITOR;
create table app_private.bad_secrets (word text);
grant select (word) on app_private.bad_secrets to :DATABASE_OPERATOR;
create table app_private.bad_open (word text);
grant select on app_private.bad_open to :DATABASE_VISITOR;
create function app_private.bad_call() returns int language sql return 1;
grant execute on function app_private.bad_call() to :DATABASE_OPERATOR;
