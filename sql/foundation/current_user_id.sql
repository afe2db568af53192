/*
 * Who is asking. The server sets the claim for the length of one transaction; an absent claim reads
 * as '' after a reset, hence nullif. In a policy, wrap the call as (select
 * app_public.current_user_id()), so that it runs once a query and not once a row.
 */
create or replace function app_public.current_user_id() returns uuid
language sql stable parallel safe
return nullif(current_setting('staybase.user_id', true), '')::uuid;

grant execute on function app_public.current_user_id()
  to :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_public.current_user_id() is 'The id of who is signed in, or null.';
