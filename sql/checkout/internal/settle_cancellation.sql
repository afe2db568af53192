/*
 * Cancels a booking, paid or not, and does what its terms say: the shares of host and platform that
 * go back move to guest_payable, and refunds are decided, all in this transaction. So a refund that
 * fails later leaves a debt that can be seen. The caller holds the locks on units and booking.
 */
create or replace function app_hidden.settle_cancellation(
  booking app_public.bookings,
  actor app_public.booking_actor,
  reason text,
  percent integer default null
) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_terms app_public.cancellation_terms :=
    app_hidden.cancellation_terms(booking, actor, percent);
  v_booking app_public.bookings;
  v_actor_id uuid := app_hidden.require_user_id();
  v_host_gives bigint;
begin
  update app_public.bookings b
  set status = 'cancelled', status_actor = settle_cancellation.actor,
      status_reason = settle_cancellation.reason
  where b.id = booking.id
  returning * into v_booking;
  if v_terms.basis = 'not_charged' then
    return v_booking;
  end if;

  insert into app_public.cancellations (
    booking_id, actor, actor_id, reason, basis, nights_percent, currency, refund_amount,
    host_amount, platform_amount
  )
  values (
    booking.id, settle_cancellation.actor, v_actor_id, settle_cancellation.reason, v_terms.basis,
    v_terms.nights_percent, v_terms.currency, v_terms.refund_amount, v_terms.host_amount,
    v_terms.platform_amount
  );
  insert into app_public.cancellation_line_items (
    booking_id, position, code, rule, currency, amount, refund_amount, kept_amount, payer, payee,
    basis
  )
  select booking.id, l.position, l.code, l.rule, l.currency, l.amount, l.refund_amount,
    l.kept_amount, l.payer, l.payee, l.basis
  from unnest(v_terms.line_items) with ordinality l (
    code, rule, currency, amount, refund_amount, kept_amount, payer, payee, basis, position
  );

  v_host_gives := app_hidden.booking_balance(booking.id, 'host_payable') - v_terms.host_amount;
  if v_terms.refund_amount <> 0 or v_host_gives <> 0 then
    perform app_hidden.post_ledger(
      'cancellation:' || booking.id,
      'cancellation',
      booking.id,
      array[
        row('host_payable', booking.host_id, booking.currency, v_host_gives),
        row(
          'platform_revenue', null, booking.currency, v_terms.refund_amount - v_host_gives
        ),
        row('guest_payable', null, booking.currency, -v_terms.refund_amount)
      ]::app_hidden.ledger_posting[]
    );
  end if;
  if v_terms.refund_amount > 0 then
    perform app_hidden.queue_refund(
      booking.id, v_terms.refund_amount,
      (settle_cancellation.actor || '_cancelled')::app_public.refund_reason,
      case settle_cancellation.actor
        when 'guest' then 'The guest cancelled the stay.'
        when 'host' then 'The host cancelled the stay.'
        else 'The marketplace cancelled the stay.'
      end,
      settle_cancellation.actor, v_actor_id
    );
  end if;
  return v_booking;
end
$$;

comment on function app_hidden.settle_cancellation(
  app_public.bookings, app_public.booking_actor, text, integer
) is 'Cancels a booking and settles its money as its terms say.';
