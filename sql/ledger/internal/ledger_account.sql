create or replace function app_hidden.ledger_account(
  kind app_public.ledger_account_kind, currency text, user_id uuid default null
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
begin
  select a.id into v_account_id from app_public.ledger_accounts a
  where a.kind = ledger_account.kind and a.currency = ledger_account.currency
    and a.user_id is not distinct from ledger_account.user_id;
  if v_account_id is null then
    insert into app_public.ledger_accounts as a (kind, currency, user_id)
    values (ledger_account.kind, ledger_account.currency, ledger_account.user_id)
    -- The update changes nothing; it makes the row of whoever was faster come back.
    on conflict on constraint ledger_accounts_holder_key do update set kind = excluded.kind
    returning a.id into v_account_id;
  end if;
  return v_account_id;
end
$$;

comment on function app_hidden.ledger_account(app_public.ledger_account_kind, text, uuid) is
  'The account of that kind, made when first asked for.';
