/*
 * What must come to an end before a person can be erased, as words for programs. A letter to the
 * operator may end what a person cannot: then earnings stay owed, to whom the ledger says.
 */
create or replace function app_hidden.account_in_use(user_id uuid, may_be_owed boolean)
returns text[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select array_remove(array[
    case when exists (
      select from app_private.operators o where o.user_id = account_in_use.user_id
    ) then 'OPERATOR' end,
    case when exists (
      select from app_public.bookings b
      where account_in_use.user_id in (b.guest_id, b.host_id)
        and b.status in ('pending_payment', 'requested', 'accepted', 'confirmed')
    ) then 'BOOKINGS' end,
    case when app_hidden.has_open_refunds(account_in_use.user_id) then 'REFUNDS' end,
    case when b.is_owed and not account_in_use.may_be_owed then 'EARNINGS' end,
    case when b.owes then 'DEBTS' end
  ], null)
  from app_hidden.host_balances(account_in_use.user_id) b
$$;

comment on function app_hidden.account_in_use(uuid, boolean) is
  'Why a person cannot be erased yet: OPERATOR, BOOKINGS, REFUNDS, EARNINGS, DEBTS; or nothing.';
