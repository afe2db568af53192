select app_hidden.drop_policies('app_private.factor_rules');
