/*
 * The operator ends a booking. Without a percent the policy decides as if the guest had cancelled;
 * with one, so much of every line goes back. Locks: the key, the units, then the booking.
 */
create or replace function app_public.cancel_booking_as_operator(
  booking_id uuid, idempotency_key text, reason text, refund_percent integer default null
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_reason app_public.prose := app_hidden.require_reason(cancel_booking_as_operator.reason);
  v_once record;
begin
  if refund_percent not between 0 and 100 then
    raise exception 'Between 0 and 100 percent are given back.'
      using errcode = 'SBG04', column = 'refund_percent';
  end if;
  v_once := app_hidden.begin_once(
    cancel_booking_as_operator.idempotency_key, 'cancel_booking_as_operator',
    jsonb_build_object(
      'id', cancel_booking_as_operator.booking_id, 'reason', v_reason, 'percent', refund_percent
    )
  );
  select b.* into v_booking from app_public.bookings b
  where b.id = coalesce(v_once.result_id, cancel_booking_as_operator.booking_id);
  if v_once.ran_before then
    return v_booking;
  end if;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  v_booking := app_hidden.settle_cancellation(v_booking, 'operator', v_reason, refund_percent);
  perform app_hidden.audit_operator('cancel_booking_as_operator', v_booking.id);
  perform app_hidden.end_once(cancel_booking_as_operator.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.cancel_booking_as_operator(uuid, text, text, integer)
  to :DATABASE_OPERATOR;

comment on function app_public.cancel_booking_as_operator(uuid, text, text, integer) is
  'For the operator: ends a booking with a reason, and gives back so many percent of every line, '
  'or without a percent what the policy says. A repeated call with the same key returns the same '
  'booking.';
