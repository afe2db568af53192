select app_hidden.drop_policies('app_private.second_factors');
