/*
 * A guest or a host ends a booking. What goes back is what cancellation_preview() says in the same
 * instant. While a bank decides on the payment nobody knows what there is to give back: then it is
 * refused. Locks: the key, the units, then the booking.
 */
create or replace function app_public.cancel_booking(
  booking_id uuid, idempotency_key text, reason text default ''
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(cancel_booking.booking_id);
  v_reason app_public.prose := btrim(coalesce(cancel_booking.reason, ''));
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_once record;
begin
  if length(v_reason) > 1000 then
    raise exception 'A reason has at most 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  v_once := app_hidden.begin_once(
    cancel_booking.idempotency_key, 'cancel_booking',
    jsonb_build_object('id', v_booking.id, 'reason', v_reason)
  );
  if v_once.ran_before then
    select b.* into v_booking from app_public.bookings b where b.id = v_once.result_id;
    return v_booking;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  if v_booking.status = 'pending_payment' and exists (
    select from app_public.calendar_claims c
    where c.booking_id = v_booking.id and c.expires_at is null
  ) then
    raise exception 'The bank decides on the payment right now; try again when it has.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  v_booking := app_hidden.settle_cancellation(v_booking, v_actor, v_reason);
  perform app_hidden.end_once(cancel_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.cancel_booking(uuid, text, text) to :DATABASE_VISITOR;

comment on function app_public.cancel_booking(uuid, text, text) is
  'Ends a booking, for its guest or its host, frees its nights, and gives back what '
  'cancellationPreview says. A repeated call with the same key returns the same booking.';
