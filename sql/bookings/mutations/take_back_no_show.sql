/*
 * The operator has looked into it: the guest was there, whatever the host says. Locks: the booking.
 */
create or replace function app_public.take_back_no_show(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.lock_booking(take_back_no_show.booking_id);
begin
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  update app_public.bookings b set no_show_at = null
  where b.id = v_booking.id
  returning * into v_booking;
  perform app_hidden.audit_operator('take_back_no_show', v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.take_back_no_show(uuid) to :DATABASE_OPERATOR;

comment on function app_public.take_back_no_show(uuid) is
  'For the operator: a host said that nobody came, and the guest was there.';
