/*
 * Writes one external fact into the ledger, once: a fact that is there already changes nothing and
 * gives false. Entries of zero are left out.
 */
create or replace function app_hidden.post_ledger(
  external_fact text,
  kind text,
  booking_id uuid,
  currency text,
  account_ids uuid[],
  amounts bigint[]
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_transaction_id uuid;
begin
  insert into app_public.ledger_transactions (external_fact, kind, booking_id)
  values (post_ledger.external_fact, post_ledger.kind, post_ledger.booking_id)
  on conflict on constraint ledger_transactions_external_fact_key do nothing
  returning id into v_transaction_id;
  if v_transaction_id is null then
    return false;
  end if;
  insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
  select v_transaction_id, e.account_id, post_ledger.currency, e.amount
  from unnest(post_ledger.account_ids, post_ledger.amounts) e (account_id, amount)
  where e.amount <> 0;
  return true;
end
$$;

comment on function app_hidden.post_ledger(text, text, uuid, text, uuid[], bigint[]) is
  'Writes an external fact into the ledger; false where it is there already.';
