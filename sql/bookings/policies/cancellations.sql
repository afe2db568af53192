select app_hidden.drop_policies('app_public.cancellations');

-- Whoever sees the booking sees what became of it.
create policy select_visible on app_public.cancellations for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.cancellations to :DATABASE_VISITOR;
