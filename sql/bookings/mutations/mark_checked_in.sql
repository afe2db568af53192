/*
 * The guest has arrived. Either side says so; whoever is first is kept. A host who had said that
 * nobody came takes that back with it; a guest cannot. Locks: the booking.
 */
create or replace function app_public.mark_checked_in(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.stay_to_mark(
    mark_checked_in.booking_id, first_day => 0
  );
  v_is_host boolean := v_booking.host_id = app_hidden.require_user_id();
begin
  if v_booking.checked_in_at is not null then
    return v_booking;
  end if;
  if v_booking.no_show_at is not null and not v_is_host then
    raise exception 'The host says that nobody came: only the host can take that back.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  update app_public.bookings b
  set checked_in_at = app_hidden.clock(), no_show_at = null,
      checked_in_by = case when v_is_host then 'host' else 'guest' end::app_public.booking_actor
  where b.id = v_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.mark_checked_in(uuid) to :DATABASE_VISITOR;

comment on function app_public.mark_checked_in(uuid) is
  'Says that the guest has arrived, for the guest or the host, from the day of check-in on. '
  'Said again, it changes nothing.';
