/*
 * The operator asks Stripe once more for a refund that has failed. The debt stands in guest_payable
 * already. Locks: the key, booking, payment, refund.
 */
create or replace function app_public.retry_refund(refund_id uuid, idempotency_key text)
returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_once record;
begin
  v_once := app_hidden.begin_once(
    retry_refund.idempotency_key, 'retry_refund',
    jsonb_build_object('id', retry_refund.refund_id)
  );
  if v_once.ran_before then
    select r.* into v_refund from app_public.refunds r where r.id = v_once.result_id;
    return v_refund;
  end if;
  v_refund := app_hidden.require_failed_refund(retry_refund.refund_id);
  update app_public.refunds r
  set resolved_at = app_hidden.clock(), resolver_id = app_hidden.require_user_id()
  where r.id = v_refund.id;
  v_refund := app_hidden.replace_refund(v_refund, v_refund.amount);
  perform app_hidden.audit_operator('retry_refund', v_refund.id);
  perform app_hidden.end_once(retry_refund.idempotency_key, v_refund.id);
  return v_refund;
end
$$;

grant execute on function app_public.retry_refund(uuid, text) to :DATABASE_OPERATOR;

comment on function app_public.retry_refund(uuid, text) is
  'For the operator: asks Stripe once more for a refund that has failed; returns the new refund. A '
  'repeated call with the same key returns the same.';
