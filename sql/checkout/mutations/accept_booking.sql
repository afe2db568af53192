/*
 * A host accepts a request. The money that is set aside is taken by a job; when Stripe has taken it
 * the booking is confirmed. Stripe has a day for that: so long the nights are kept. Locks: the key,
 * the units, then the booking.
 */
create or replace function app_public.accept_booking(booking_id uuid, idempotency_key text)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_host_booking(accept_booking.booking_id);
  v_once record;
begin
  v_once := app_hidden.begin_once(
    accept_booking.idempotency_key, 'accept_booking', jsonb_build_object('id', v_booking.id)
  );
  if v_once.ran_before then
    select b.* into v_booking from app_public.bookings b where b.id = v_once.result_id;
    return v_booking;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  perform app_hidden.require_open_request(v_booking);
  update app_public.bookings b
  set status = 'accepted', status_actor = 'host', status_reason = ''
  where b.id = v_booking.id
  returning * into v_booking;
  update app_public.calendar_claims c set expires_at = app_hidden.clock() + interval '1 day'
  where c.booking_id = v_booking.id and c.kind = 'hold';
  perform app_hidden.queue_capture(p.id) from app_public.payments p
  where p.booking_id = v_booking.id and p.status = 'authorised';
  perform app_hidden.end_once(accept_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.accept_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.accept_booking(uuid, text) is
  'For the host: accepts a request before its answer is due. The guest''s money is taken, and then '
  'the booking is confirmed, mostly within seconds. A repeated call with the same key returns the '
  'same booking.';
