/*
 * A host declines a request. The nights are free again, and a trigger releases the guest's card.
 * Locks: the key, the units, then the booking.
 */
create or replace function app_public.decline_booking(
  booking_id uuid, idempotency_key text, reason text default ''
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_host_booking(decline_booking.booking_id);
  v_reason app_public.prose := btrim(coalesce(decline_booking.reason, ''));
  v_once record;
begin
  if length(v_reason) > 1000 then
    raise exception 'A reason has at most 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  v_once := app_hidden.begin_once(
    decline_booking.idempotency_key, 'decline_booking',
    jsonb_build_object('id', v_booking.id, 'reason', v_reason)
  );
  if v_once.ran_before then
    select b.* into v_booking from app_public.bookings b where b.id = v_once.result_id;
    return v_booking;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  perform app_hidden.require_open_request(v_booking);
  update app_public.bookings b
  set status = 'declined', status_actor = 'host', status_reason = v_reason
  where b.id = v_booking.id
  returning * into v_booking;
  perform app_hidden.end_once(decline_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.decline_booking(uuid, text, text) to :DATABASE_VISITOR;

comment on function app_public.decline_booking(uuid, text, text) is
  'For the host: declines a request before its answer is due. The nights are free again, and the '
  'guest''s card is released. A repeated call with the same key returns the same booking.';
