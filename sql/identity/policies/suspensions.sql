select app_hidden.drop_policies('app_public.suspensions');

create policy select_operator on app_public.suspensions for select to :DATABASE_OPERATOR
  using (true);

grant select on app_public.suspensions to :DATABASE_OPERATOR;
