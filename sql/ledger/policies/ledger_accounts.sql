select app_hidden.drop_policies('app_public.ledger_accounts');

create policy select_own on app_public.ledger_accounts for select to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy select_operator on app_public.ledger_accounts for select to :DATABASE_OPERATOR
  using (true);

grant select on app_public.ledger_accounts to :DATABASE_VISITOR;
