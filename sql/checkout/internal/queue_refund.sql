/*
 * Decides that a guest is given back an amount of a booking, from its newest payment to its oldest,
 * queues the jobs that ask Stripe, and says which refunds these are. The caller posts the debt to
 * guest_payable in the same transaction, and holds the lock on the booking.
 */
create or replace function app_hidden.queue_refund(
  booking_id uuid,
  amount bigint,
  reason_code app_public.refund_reason,
  reason text,
  actor app_public.booking_actor,
  actor_id uuid default null
) returns uuid[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_left bigint := queue_refund.amount;
  v_payment record;
  v_refund_id uuid;
  v_refund_ids uuid[] := '{}';
begin
  for v_payment in
    select p.id, p.currency, p.captured_amount - coalesce((
      select sum(r.amount) from app_public.refunds r
      where r.payment_id = p.id and r.status <> 'failed'
    ), 0) as refundable
    from app_public.payments p
    where p.booking_id = queue_refund.booking_id and p.captured_amount > 0
    order by p.id desc
  loop
    continue when v_payment.refundable <= 0;
    exit when v_left = 0;
    insert into app_public.refunds (
      payment_id, reason_code, reason, currency, amount, actor, actor_id
    )
    values (
      v_payment.id, queue_refund.reason_code, queue_refund.reason, v_payment.currency,
      least(v_left, v_payment.refundable), queue_refund.actor, queue_refund.actor_id
    )
    returning id into v_refund_id;
    v_refund_ids := v_refund_ids || v_refund_id;
    v_left := v_left - least(v_left, v_payment.refundable);
    perform app_hidden.add_job(
      'refund__create', jsonb_build_object('refundId', v_refund_id), 'refund:' || v_refund_id,
      max_attempts => 25
    );
  end loop;
  if v_left > 0 then
    raise exception 'The payments of this booking do not hold so much.'
      using errcode = 'SBM04', column = 'amount';
  end if;
  return v_refund_ids;
end
$$;

comment on function app_hidden.queue_refund(
  uuid, bigint, app_public.refund_reason, text, app_public.booking_actor, uuid
) is 'Decides on refunds of a booking, newest payment first, and queues their jobs; says which.';
