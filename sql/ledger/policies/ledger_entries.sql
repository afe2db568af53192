select app_hidden.drop_policies('app_public.ledger_entries');

-- As an array, and not with "in": that would be a filter over everybody's entries, this is a
-- condition that the index can use.
create policy select_own on app_public.ledger_entries for select to :DATABASE_VISITOR
  using (
    account_id = any (array(
      select a.id from app_public.ledger_accounts a
      where a.user_id = (select app_public.current_user_id())
    ))
  );
create policy select_operator on app_public.ledger_entries for select to :DATABASE_OPERATOR
  using (true);

grant select on app_public.ledger_entries to :DATABASE_VISITOR;
