-- finds: app_hidden.bad_open()
create function app_hidden.bad_open() returns int language sql return 1;
grant execute on function app_hidden.bad_open() to public;
create function app_hidden.good_closed() returns int language sql return 1;
