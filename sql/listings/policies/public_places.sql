select app_hidden.drop_policies('app_private.public_places');
