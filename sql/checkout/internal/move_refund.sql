/*
 * A refund has come further, or has failed: its row, the payment and the ledger follow. The caller
 * holds the locks on booking, payment and refund.
 */
create or replace function app_hidden.move_refund(
  refund app_public.refunds,
  payment app_public.payments,
  new_status app_public.refund_status,
  stripe_refund_id text,
  failure_code text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_amount bigint := case
    when move_refund.new_status = 'succeeded' then refund.amount
    when move_refund.new_status = 'failed' and refund.status = 'succeeded' then -refund.amount
    else 0
  end;
begin
  update app_public.refunds r
  set status = move_refund.new_status, stripe_refund_id = move_refund.stripe_refund_id,
      failure_code = move_refund.failure_code
  where r.id = refund.id;
  if v_amount <> 0 then
    update app_public.payments p
    set refunded_amount = p.refunded_amount + v_amount,
        status = case p.refunded_amount + v_amount
          when 0 then 'captured'
          when p.captured_amount then 'refunded'
          else 'partially_refunded'
        end::app_public.payment_status
    where p.id = payment.id;
    perform app_hidden.post_ledger(
      case when v_amount > 0 then 'refund:' else 'refund_failure:' end
        || move_refund.stripe_refund_id,
      case when v_amount > 0 then 'refund' else 'refund_failure' end,
      payment.booking_id,
      array[
        row('guest_payable', null, refund.currency, v_amount),
        row('stripe_balance', null, refund.currency, -v_amount)
      ]::app_hidden.ledger_posting[],
      payment_id => payment.id, refund_id => refund.id,
      reverses_id => case when v_amount < 0 then (
        select t.id from app_public.ledger_transactions t
        where t.external_fact = 'refund:' || move_refund.stripe_refund_id
      ) end
    );
  end if;
  if move_refund.new_status = 'failed' and refund.origin = 'stripe' then
    perform app_hidden.undo_foreign_refund(refund, payment.booking_id);
  end if;
  return case move_refund.new_status when 'pending' then 'noted' else move_refund.new_status::text
  end;
end
$$;

comment on function app_hidden.move_refund(
  app_public.refunds, app_public.payments, app_public.refund_status, text, text
) is 'Brings a refund, its payment and the ledger forward.';
