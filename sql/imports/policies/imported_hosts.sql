select app_hidden.drop_policies('app_private.imported_hosts');
