select app_hidden.drop_policies('app_private.data_exports');
