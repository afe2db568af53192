/*
 * The guest has left. Either side says so; whoever is first is kept. It moves no money and frees no
 * nights: to leave early is an alteration. Locks: the booking.
 */
create or replace function app_public.mark_checked_out(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.stay_to_mark(
    mark_checked_out.booking_id, first_day => 0
  );
begin
  if v_booking.checked_out_at is not null then
    return v_booking;
  end if;
  if v_booking.no_show_at is not null then
    raise exception 'The host says that nobody came: nobody can have left.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  update app_public.bookings b
  set checked_out_at = app_hidden.clock(),
      checked_out_by = case app_hidden.require_user_id()
        when b.host_id then 'host' else 'guest'
      end::app_public.booking_actor
  where b.id = v_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.mark_checked_out(uuid) to :DATABASE_VISITOR;

comment on function app_public.mark_checked_out(uuid) is
  'Says that the guest has left, for the guest or the host. It neither frees nights nor gives '
  'money back: to leave early, propose an alteration. Said again, it changes nothing.';
