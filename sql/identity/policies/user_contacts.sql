select app_hidden.drop_policies('app_public.user_contacts');

create policy select_self on app_public.user_contacts for select to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy update_self on app_public.user_contacts for update to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy select_operator on app_public.user_contacts for select to :DATABASE_OPERATOR
  using (true);
-- No update of email: a new address has to be proven first.

grant select on app_public.user_contacts to :DATABASE_VISITOR;
grant update (phone) on app_public.user_contacts to :DATABASE_VISITOR;
