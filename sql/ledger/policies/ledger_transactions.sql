select app_hidden.drop_policies('app_public.ledger_transactions');

-- Whoever has an account in it. An array for the index: see ledger_entries.
create policy select_own on app_public.ledger_transactions for select to :DATABASE_VISITOR
  using (
    id = any (array(
      select e.transaction_id
      from app_public.ledger_entries e
      join app_public.ledger_accounts a on a.id = e.account_id
      where a.user_id = (select app_public.current_user_id())
    ))
  );
create policy select_operator on app_public.ledger_transactions for select to :DATABASE_OPERATOR
  using (true);
-- No insert: post_ledger(). No update or delete: not even by the owner.

grant select on app_public.ledger_transactions to :DATABASE_VISITOR;
