--! Previous: sha1:4e6fa779eb992ef67869a00866fd17c641c68b50
--! Hash: sha1:3152c88d7a8189d66e613e6a3ddca1765e334304
--! Message: Drop a function that nothing calls

--! split: 1-current.sql
-- Nothing is pending. See ../README.md for how to change the schema.
drop function if exists app_private.find_refresh_session(bytea);
