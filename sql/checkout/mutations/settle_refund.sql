/*
 * The operator has paid a guest otherwise what a failed refund did not: from the bank account of
 * the marketplace, which the ledger is told. Locks: the key, booking, payment, refund, then the
 * ledger's accounts.
 */
create or replace function app_public.settle_refund(
  refund_id uuid, idempotency_key text, reason text
) returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_reason app_public.prose := app_hidden.require_reason(settle_refund.reason);
  v_once record;
begin
  v_once := app_hidden.begin_once(
    settle_refund.idempotency_key, 'settle_refund',
    jsonb_build_object('id', settle_refund.refund_id, 'reason', v_reason)
  );
  if v_once.ran_before then
    select r.* into v_refund from app_public.refunds r where r.id = v_once.result_id;
    return v_refund;
  end if;
  v_refund := app_hidden.require_failed_refund(settle_refund.refund_id);
  update app_public.refunds r
  set resolved_at = app_hidden.clock(), resolution = v_reason,
      resolver_id = app_hidden.require_user_id()
  where r.id = v_refund.id
  returning * into v_refund;
  perform app_hidden.post_ledger(
    'settlement:' || v_refund.id, 'settlement',
    (select p.booking_id from app_public.payments p where p.id = v_refund.payment_id),
    array[
      row('guest_payable', null, v_refund.currency, v_refund.amount),
      row('bank', null, v_refund.currency, -v_refund.amount)
    ]::app_hidden.ledger_posting[],
    payment_id => v_refund.payment_id, refund_id => v_refund.id
  );
  perform app_hidden.audit_operator('settle_refund', v_refund.id);
  perform app_hidden.end_once(settle_refund.idempotency_key, v_refund.id);
  return v_refund;
end
$$;

grant execute on function app_public.settle_refund(uuid, text, text) to :DATABASE_OPERATOR;

comment on function app_public.settle_refund(uuid, text, text) is
  'For the operator: notes that the guest was paid otherwise what a failed refund did not, such as '
  'by a bank transfer, and how. A repeated call with the same key returns the same refund.';
