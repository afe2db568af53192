select app_hidden.drop_policies('app_private.refresh_tokens');
