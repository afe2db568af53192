-- Called by the server, which has checked that the person has just shown who they are.
create or replace function app_private.close_account(user_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.erase_person(close_account.user_id, false)
$$;

grant execute on function app_private.close_account(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.close_account(uuid) is
  'Closes an account and erases whose it was; ACCOUNT_IN_USE says what is in the way.';
