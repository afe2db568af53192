select app_hidden.drop_policies('app_private.idempotency_keys');
