/*
 * A refund that somebody made at Stripe, of a payment of ours. Where a refund of ours that Stripe
 * has not made yet no longer fits beside it, ours is superseded, and what of it is still owed is
 * asked for anew. The rest is a gift of the platform. The ledger says so before the money is
 * followed out: see apply_refund. The caller holds the locks on booking and payment.
 */
create or replace function app_hidden.take_in_refund(
  payment app_public.payments, stripe_refund_id text, amount bigint
) returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_ours app_public.refunds;
  v_too_much bigint := take_in_refund.amount - payment.captured_amount + (
    select coalesce(sum(r.amount), 0) from app_public.refunds r
    where r.payment_id = payment.id and r.status <> 'failed'
  );
  v_gift bigint := least(take_in_refund.amount, take_in_refund.amount - v_too_much);
begin
  insert into app_public.refunds (
    payment_id, currency, amount, origin, reason_code, reason, stripe_refund_id
  )
  values (
    payment.id, payment.currency, take_in_refund.amount, 'stripe', 'made_at_stripe',
    'The marketplace gave it back.', take_in_refund.stripe_refund_id
  )
  returning * into v_refund;
  for v_ours in
    select r.* from app_public.refunds r
    where r.payment_id = payment.id and r.status = 'requested' and r.origin = 'ours'
      and r.stripe_refund_id is null
    order by r.id desc
  loop
    exit when v_too_much <= 0;
    perform app_hidden.supersede_refund(v_ours, v_ours.amount - v_too_much);
    v_too_much := v_too_much - v_ours.amount;
  end loop;
  if v_gift > 0 then
    perform app_hidden.post_ledger(
      'foreign_refund:' || take_in_refund.stripe_refund_id, 'foreign_refund', payment.booking_id,
      array[
        row('platform_revenue', null, payment.currency, v_gift),
        row('guest_payable', null, payment.currency, -v_gift)
      ]::app_hidden.ledger_posting[],
      payment_id => payment.id, refund_id => v_refund.id
    );
  end if;
  return v_refund;
end
$$;

comment on function app_hidden.take_in_refund(app_public.payments, text, bigint) is
  'Takes in a refund that somebody made at Stripe.';
