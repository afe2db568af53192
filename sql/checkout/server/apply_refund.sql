/*
 * Brings our refund to where Stripe's is, as re-fetched. A refund can fail after it had succeeded:
 * then the money is with us again and the ledger takes the entry back. Locks: booking, then
 * payment, then refund, then ledger accounts.
 */
create or replace function app_private.apply_refund(
  refund_id uuid, stripe_refund_id text, stripe_status text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_payment app_public.payments;
  v_booking app_public.bookings;
  v_old_status app_public.refund_status;
  v_new_status app_public.refund_status := case apply_refund.stripe_status
    when 'succeeded' then 'succeeded'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
    else 'pending'
  end;
  v_amount bigint;
begin
  select p.* into v_payment
  from app_public.refunds r join app_public.payments p on p.id = r.payment_id
  where r.id = apply_refund.refund_id;
  if v_payment.id is null then
    return 'unknown';
  end if;
  v_booking := app_hidden.lock_booking(v_payment.booking_id);
  v_payment := app_hidden.lock_payment(v_payment.id);
  v_refund := app_hidden.lock_refund(apply_refund.refund_id);
  v_old_status := v_refund.status;
  -- Only forward: requested, pending, succeeded, failed.
  if v_new_status <= v_old_status then
    return 'unchanged';
  end if;

  update app_public.refunds r
  set status = v_new_status, stripe_refund_id = apply_refund.stripe_refund_id
  where r.id = v_refund.id;
  v_amount := case
    when v_new_status = 'succeeded' then v_refund.amount
    when v_new_status = 'failed' and v_old_status = 'succeeded' then -v_refund.amount
  end;
  if v_amount is null then
    return case v_new_status when 'failed' then 'failed' else 'noted' end;
  end if;

  update app_public.payments p
  set refunded_amount = p.refunded_amount + v_amount,
      status = case p.refunded_amount + v_amount
        when 0 then 'captured'
        when p.captured_amount then 'refunded'
        else 'partially_refunded'
      end::app_public.payment_status
  where p.id = v_payment.id;
  perform app_hidden.post_ledger(
    case when v_amount > 0 then 'refund:' else 'refund_failure:' end
      || apply_refund.stripe_refund_id,
    case when v_amount > 0 then 'refund' else 'refund_failure' end,
    v_booking.id,
    array[
      row('guest_payable', null, v_refund.currency, v_amount),
      row('stripe_balance', null, v_refund.currency, -v_amount)
    ]::app_hidden.ledger_posting[]
  );
  return v_new_status::text;
end
$$;

grant execute on function app_private.apply_refund(uuid, text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_refund(uuid, text, text) is
  'Brings a refund to where Stripe''s is; repeatable, in any order.';
