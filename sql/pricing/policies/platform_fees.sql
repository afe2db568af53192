select app_hidden.drop_policies('app_hidden.platform_fees');
-- Read by functions only: no grant to anybody.
