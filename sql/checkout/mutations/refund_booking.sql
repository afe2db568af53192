/*
 * The operator gives a guest some of a paid booking back, whatever the policy says. The platform
 * bears it, or the host from what the booking has earned them. Locks: the key, then the booking.
 */
create or replace function app_public.refund_booking(
  booking_id uuid,
  idempotency_key text,
  amount bigint,
  currency text,
  reason text,
  borne_by app_public.cost_bearer default 'platform'
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_reason app_public.prose := app_hidden.require_reason(refund_booking.reason);
  v_borne_by app_public.cost_bearer := coalesce(refund_booking.borne_by, 'platform');
  v_once record;
  v_refund_ids uuid[];
begin
  v_once := app_hidden.begin_once(
    refund_booking.idempotency_key, 'refund_booking',
    jsonb_build_object(
      'id', refund_booking.booking_id, 'amount', refund_booking.amount,
      'currency', refund_booking.currency, 'reason', v_reason, 'borneBy', v_borne_by
    )
  );
  v_booking := app_hidden.lock_booking(coalesce(v_once.result_id, refund_booking.booking_id));
  if v_once.ran_before then
    return v_booking;
  end if;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  perform app_hidden.require_refundable(
    v_booking, refund_booking.amount, refund_booking.currency, v_borne_by
  );

  v_refund_ids := app_hidden.queue_refund(
    v_booking.id, refund_booking.amount, 'goodwill', v_reason, 'operator',
    app_hidden.require_user_id()
  );
  perform app_hidden.post_ledger(
    'goodwill:' || v_refund_ids[1], 'goodwill', v_booking.id,
    array[
      row(
        case v_borne_by when 'host' then 'host_payable' else 'platform_revenue' end,
        case v_borne_by when 'host' then v_booking.host_id end,
        v_booking.currency, refund_booking.amount
      ),
      row('guest_payable', null, v_booking.currency, -refund_booking.amount)
    ]::app_hidden.ledger_posting[],
    refund_id => v_refund_ids[1]
  );
  perform app_hidden.audit_operator('refund_booking', v_booking.id);
  perform app_hidden.end_once(refund_booking.idempotency_key, v_booking.id);
  return v_booking;
end
$$;

grant execute on function app_public.refund_booking(
  uuid, text, bigint, text, text, app_public.cost_bearer
) to :DATABASE_OPERATOR;

comment on function app_public.refund_booking(
  uuid, text, bigint, text, text, app_public.cost_bearer
) is
  'For the operator: gives a guest some of a paid booking back, with a reason that the guest '
  'reads. The platform bears it, or the host from what the booking has earned. Stripe is asked by '
  'a job; the refund says how far it is. A repeated call with the same key does nothing more.';
