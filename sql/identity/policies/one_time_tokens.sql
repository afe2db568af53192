select app_hidden.drop_policies('app_private.one_time_tokens');
