/*
 * The host says that nobody came: from the day after check-in on, for a guest may arrive late. The
 * stay stays sold and paid, its nights stay the guest's, who may still come, and is not reviewed
 * any more. A guest who has said to be there cannot be said not to have come. Locks: the booking.
 */
create or replace function app_public.mark_no_show(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_host_booking(mark_no_show.booking_id);
begin
  v_booking := app_hidden.stay_to_mark(v_booking.id, first_day => 1);
  if v_booking.no_show_at is not null then
    return v_booking;
  end if;
  if coalesce(v_booking.checked_in_at, v_booking.checked_out_at) is not null then
    raise exception 'The guest was there: the stay has a check-in or a check-out.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  update app_public.bookings b set no_show_at = app_hidden.clock()
  where b.id = v_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.mark_no_show(uuid) to :DATABASE_VISITOR;

comment on function app_public.mark_no_show(uuid) is
  'Says that nobody came, for the host, from the day after check-in on; the guest is told by mail. '
  'Nothing is given back, and the nights stay the guest''s. The host''s markCheckedIn takes it '
  'back.';
