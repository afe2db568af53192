/*
 * For who asks by letter, or cannot sign in any more. Earnings stay owed, as the ledger has them.
 * To erase somebody twice is to erase them once, so there is no key.
 */
create or replace function app_public.erase_user(user_id uuid, reason text)
returns app_public.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_operator_id uuid := app_hidden.require_user_id();
  v_reason app_public.prose := app_hidden.require_reason(erase_user.reason);
  v_user app_public.users;
begin
  if not exists (select from app_public.users u where u.id = erase_user.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  perform app_hidden.erase_person(erase_user.user_id, true, v_operator_id, v_reason);
  perform app_hidden.audit_operator('erase_user', erase_user.user_id, erase_user.user_id);
  select u.* into v_user from app_public.users u where u.id = erase_user.user_id;
  return v_user;
end
$$;

grant execute on function app_public.erase_user(uuid, text) to :DATABASE_OPERATOR;

comment on function app_public.erase_user(uuid, text) is
  'For the operator: closes the account of somebody who asks for it otherwise, and erases whose it '
  'was. What the ledger owes them stays owed; ACCOUNT_IN_USE while others wait for something. No '
  'operator is erased: revoke first.';
