/*
 * Three schemas, three audiences:
 *   app_public   what API clients see; guarded by row-level security and column grants
 *   app_hidden   helpers and read models with the same rights, not exposed by GraphQL
 *   app_private  secrets, and the functions that only the server and the worker call
 */
create schema if not exists app_public;
create schema if not exists app_hidden;
create schema if not exists app_private;

-- Lets one exclusion constraint compare ids by equality and nights by overlap.
create extension if not exists btree_gist with schema public;

-- PostgreSQL lets everybody execute a new function. We grant by name instead.
alter default privileges revoke execute on functions from public;

revoke all on schema app_public, app_hidden, app_private from public;
grant usage on schema app_public, app_hidden
  to :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR;
grant usage on schema app_private to :DATABASE_AUTHENTICATOR;

comment on schema app_public is 'The API of the marketplace.';
comment on schema app_hidden is 'Helpers and read models behind the API.';
comment on schema app_private is 'Secrets, and the functions that only the server calls.';
