select app_hidden.drop_policies('app_private.recovery_codes');
