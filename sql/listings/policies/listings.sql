select app_hidden.drop_policies('app_public.listings');

create policy select_published on app_public.listings for select to :DATABASE_VISITOR
  using (status = 'published');
create policy select_own on app_public.listings for select to :DATABASE_VISITOR
  using (host_id = (select app_public.current_user_id()));
create policy select_operator on app_public.listings for select to :DATABASE_OPERATOR using (true);
-- Who has booked a listing keeps seeing it when it is paused or gone.
create policy select_booked on app_public.listings for select to :DATABASE_VISITOR
  using (id in (select app_hidden.booked_listing_ids()));
create policy insert_own on app_public.listings for insert to :DATABASE_VISITOR
  with check (host_id = (select app_public.current_user_id()));
create policy update_own on app_public.listings for update to :DATABASE_VISITOR
  using (
    host_id = (select app_public.current_user_id()) and status not in ('suspended', 'archived')
  );
-- No delete: bookings refer to it; archive_listing() hides it for good.
-- No update of status: publish_listing() checks that the listing is complete.
-- No update of the place: set_listing_address() moves the public one.
-- No update of unit_count: a unit that has bookings cannot vanish.

grant select on app_public.listings to :DATABASE_VISITOR;
grant insert (
  title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms, unit_count,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days,
  accepts_alterations, welcomes_children, max_infants, max_pets
) on app_public.listings to :DATABASE_VISITOR;
grant update (
  title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
  booking_mode, cancellation_policy, check_in_from, check_out_until,
  min_nights, max_nights, advance_notice_hours, booking_window_days, preparation_days,
  accepts_alterations, welcomes_children, max_infants, max_pets
) on app_public.listings to :DATABASE_VISITOR;
