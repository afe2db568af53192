select app_hidden.drop_policies('app_private.stripe_customers');
-- No policies: the functions of the server read and write it.
