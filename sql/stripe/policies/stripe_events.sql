select app_hidden.drop_policies('app_private.stripe_events');
