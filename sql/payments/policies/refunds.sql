select app_hidden.drop_policies('app_public.refunds');

-- Whoever sees the payment sees its refunds.
create policy select_visible on app_public.refunds for select to :DATABASE_VISITOR
  using (exists (select from app_public.payments p where p.id = payment_id));

grant select on app_public.refunds to :DATABASE_VISITOR;
