select app_hidden.drop_policies('app_public.quotes');

create policy select_own on app_public.quotes for select to :DATABASE_VISITOR
  using (guest_id = (select app_public.current_user_id()));
-- A host sees the price of what was booked, not who asked. An array, so that both policies
-- together can use their indexes.
create policy select_booked on app_public.quotes for select to :DATABASE_VISITOR
  using (id = any (array(select app_hidden.hosted_quote_ids())));
create policy select_operator on app_public.quotes for select to :DATABASE_OPERATOR using (true);
-- No insert, update or delete: create_quote() prices, and a price stands.

grant select on app_public.quotes to :DATABASE_VISITOR;
