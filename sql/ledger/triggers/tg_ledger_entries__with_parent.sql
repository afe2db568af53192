/*
 * M2, the other half: what was written stays as it is also by addition. Entries come with their
 * transaction, in one transaction of the database, or not at all.
 */
create or replace function app_hidden.tg_ledger_entries__with_parent() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.ledger_transactions t
    where t.id = NEW.transaction_id and t.written_by = pg_current_xact_id()::text
  ) then
    raise exception 'Entries are written together with their ledger transaction.'
      using errcode = 'SBM02';
  end if;
  return NEW;
end
$$;

create or replace trigger _200_with_parent
  before insert on app_public.ledger_entries
  for each row execute function app_hidden.tg_ledger_entries__with_parent();

comment on function app_hidden.tg_ledger_entries__with_parent() is
  'Refuses entries that are added to an older ledger transaction.';
