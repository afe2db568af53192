/*
 * Brings a refund to where Stripe's is, as re-fetched. Ours is known by Stripe's id; before that is
 * noted, by our id in the metadata where payment, amount and currency fit, too. What is left was
 * made by others at Stripe, and is taken in. A refund can fail after it had succeeded: then the
 * money is with us again and the ledger takes the entry back. Locks: booking, then payment, then
 * refund, then ledger accounts.
 *
 * Returns what was done: unknown, unchanged, not_captured (the payment has to be followed first),
 * noted, succeeded, failed.
 */
create or replace function app_private.apply_refund(
  refund_id uuid,
  stripe_refund_id text,
  stripe_status text,
  intent_id text,
  amount bigint,
  currency text,
  failure_code text default null
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_payment app_public.payments;
  v_new_status app_public.refund_status := case apply_refund.stripe_status
    when 'succeeded' then 'succeeded'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
    else 'pending'
  end;
begin
  select p.* into v_payment from app_public.payments p
  where p.stripe_payment_intent_id = apply_refund.intent_id;
  if v_payment.id is null then
    return app_hidden.apply_unknown_refund(
      apply_refund.intent_id, apply_refund.stripe_refund_id, v_new_status,
      apply_refund.failure_code
    );
  end if;
  perform app_hidden.lock_booking(v_payment.booking_id);
  v_payment := app_hidden.lock_payment(v_payment.id);
  select r.* into v_refund from app_public.refunds r
  where r.payment_id = v_payment.id and (
    r.stripe_refund_id = apply_refund.stripe_refund_id
    or (r.id = apply_refund.refund_id and r.stripe_refund_id is null and r.resolved_at is null
      and r.amount = apply_refund.amount and r.currency = apply_refund.currency)
  );
  if v_refund.id is null then
    if v_payment.captured_amount = 0 then
      return 'not_captured';
    elsif v_new_status = 'failed' then
      return 'unchanged';
    end if;
    v_refund := app_hidden.take_in_refund(
      v_payment, apply_refund.stripe_refund_id, apply_refund.amount
    );
  end if;
  v_refund := app_hidden.lock_refund(v_refund.id);
  -- Only forward: requested, pending, succeeded, failed.
  if v_new_status <= v_refund.status then
    return 'unchanged';
  end if;
  return app_hidden.move_refund(
    v_refund, v_payment, v_new_status, apply_refund.stripe_refund_id, apply_refund.failure_code
  );
end
$$;

grant execute on function app_private.apply_refund(uuid, text, text, text, bigint, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_refund(uuid, text, text, text, bigint, text, text) is
  'Brings a refund to where Stripe''s is; repeatable, in any order.';
