/*
 * Raises where a booking takes no payment. The caller holds the lock on the booking.
 */
create or replace function app_hidden.require_payable(booking app_public.bookings) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if booking.status in ('confirmed', 'completed') then
    raise exception 'This booking is paid.' using errcode = 'SBB06';
  end if;
  if booking.status = 'expired'
    or (booking.status = 'pending_payment' and booking.hold_expires_at <= app_hidden.clock())
  then
    raise exception 'The hold has expired; ask for a new quote.' using errcode = 'SBB07';
  end if;
  if booking.status in ('requested', 'accepted') then
    raise exception 'The money for this booking is set aside; the host is asked.'
      using errcode = 'SBB06';
  end if;
  if booking.status <> 'pending_payment' then
    raise exception 'A booking that is % cannot be paid.', booking.status using errcode = 'SBB06';
  end if;
end
$$;

comment on function app_hidden.require_payable(app_public.bookings) is
  'Raises where a booking takes no payment.';
