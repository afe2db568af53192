select app_hidden.drop_policies('app_private.oidc_sign_ins');
-- Functions of app_private alone read and write it: no grant to anybody.
