select app_hidden.drop_policies('app_public.cancellation_line_items');

-- Whoever sees the booking sees what became of it.
create policy select_visible on app_public.cancellation_line_items for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.cancellation_line_items to :DATABASE_VISITOR;
