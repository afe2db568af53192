/*
 * Only a request whose answer is not due yet is answered. The caller holds the lock on the booking.
 */
create or replace function app_hidden.require_open_request(booking app_public.bookings)
returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if booking.status <> 'requested' then
    raise exception 'Only a request is accepted or declined; this booking is %.', booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if booking.answer_due_at <= app_hidden.clock() then
    raise exception 'The time to answer this request is over.'
      using errcode = 'SBB05', column = 'booking_id';
  end if;
end
$$;

comment on function app_hidden.require_open_request(app_public.bookings) is
  'Raises where a host can no longer, or not yet, answer a booking.';
