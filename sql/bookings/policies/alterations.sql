select app_hidden.drop_policies('app_public.alterations');

-- Whoever sees the booking sees its changes.
create policy select_visible on app_public.alterations for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.alterations to :DATABASE_VISITOR;
