select app_hidden.drop_policies('app_public.audit_entries');

create policy select_self on app_public.audit_entries for select to :DATABASE_VISITOR
  using (user_id = (select app_public.current_user_id()));
create policy select_operator on app_public.audit_entries for select to :DATABASE_OPERATOR
  using (true);

grant select on app_public.audit_entries to :DATABASE_VISITOR;
