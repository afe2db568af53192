--! Previous: sha1:f930da09f893876e191e55101de0880e46f1b73d
--! Hash: sha1:1aa904f317226841477ad1434af92a5ab83583c2
--! Message: name holds as what is limited

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +3 -1   identity/types/quota_kind.sql
-- (npm run db:commit wrote these lines.)

--! Included identity/types/quota_kind.sql
do $$
begin
  create type app_public.quota_kind as enum (
    'listings', 'drafts', 'units', 'photos', 'blocks', 'quotes', 'holds', 'hourly_holds'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.quota_kind add value if not exists 'holds';
alter type app_public.quota_kind add value if not exists 'hourly_holds';

comment on type app_public.quota_kind is 'What is counted for each person, and limited.';
--! EndIncluded identity/types/quota_kind.sql
