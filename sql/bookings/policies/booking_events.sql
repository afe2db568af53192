select app_hidden.drop_policies('app_public.booking_events');

create policy definer_all on app_public.booking_events to :DATABASE_OWNER
  using (true) with check (true);
-- Whoever sees the booking sees its history.
create policy select_visible on app_public.booking_events for select to :DATABASE_VISITOR
  using (exists (select from app_public.bookings b where b.id = booking_id));

grant select on app_public.booking_events to :DATABASE_VISITOR;
