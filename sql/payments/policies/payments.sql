select app_hidden.drop_policies('app_public.payments');

-- The guest who pays. The host is owed by the platform, not by the guest: see the ledger.
create policy select_guest on app_public.payments for select to :DATABASE_VISITOR
  using (
    booking_id in (
      select b.id from app_public.bookings b
      where b.guest_id = (select app_public.current_user_id())
    )
  );
create policy select_operator on app_public.payments for select to :DATABASE_OPERATOR using (true);
-- No insert, update or delete: payments follow Stripe.

grant select on app_public.payments to :DATABASE_VISITOR;
