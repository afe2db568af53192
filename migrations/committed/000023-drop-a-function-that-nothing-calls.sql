--! Previous: sha1:ef7857c7812b3236fa6d723488c6a9907e273753
--! Hash: sha1:36515789ff6945e41c8cd395ca77b997ba6da57c
--! Message: Drop a function that nothing calls

--! split: 1-current.sql
-- Nothing is pending. See ../README.md for how to change the schema.
drop function if exists app_private.find_refresh_session(bytea);
