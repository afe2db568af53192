/*
 * M1: the entries of a transaction sum to zero per currency, and there are some. Checked at commit
 * by the database, whoever wrote.
 */
create or replace function app_hidden.tg_ledger__balanced() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_transaction_id uuid;
begin
  v_transaction_id := case TG_TABLE_NAME
    when 'ledger_transactions' then (to_jsonb(NEW) ->> 'id')::uuid
    else (to_jsonb(NEW) ->> 'transaction_id')::uuid
  end;
  if not exists (
    select from app_public.ledger_entries e where e.transaction_id = v_transaction_id
  ) or exists (
    select from app_public.ledger_entries e
    where e.transaction_id = v_transaction_id
    group by e.currency
    having sum(e.amount) <> 0
  ) then
    raise exception 'The entries of a ledger transaction sum to zero.' using errcode = 'SBM02';
  end if;
  return null;
end
$$;

drop trigger if exists _900_balanced on app_public.ledger_transactions;
create constraint trigger _900_balanced
  after insert on app_public.ledger_transactions
  deferrable initially deferred
  for each row execute function app_hidden.tg_ledger__balanced();

drop trigger if exists _900_balanced on app_public.ledger_entries;
create constraint trigger _900_balanced
  after insert on app_public.ledger_entries
  deferrable initially deferred
  for each row execute function app_hidden.tg_ledger__balanced();

comment on function app_hidden.tg_ledger__balanced() is
  'Refuses to commit a ledger transaction that is not balanced.';
