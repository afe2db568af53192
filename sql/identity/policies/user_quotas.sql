select app_hidden.drop_policies('app_private.user_quotas');
