select app_hidden.drop_policies('app_public.unknown_charges');

create policy select_operator on app_public.unknown_charges for select to :DATABASE_OPERATOR
  using (true);
-- No insert, update or delete: they follow Stripe.

grant select on app_public.unknown_charges to :DATABASE_VISITOR;
