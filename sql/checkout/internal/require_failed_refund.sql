/*
 * A refund that has failed and whose money the guest is still owed, locked with its booking and
 * payment.
 */
create or replace function app_hidden.require_failed_refund(refund_id uuid)
returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payment app_public.payments;
  v_refund app_public.refunds;
begin
  select p.* into v_payment
  from app_public.refunds r join app_public.payments p on p.id = r.payment_id
  where r.id = require_failed_refund.refund_id;
  if v_payment.id is null then
    raise exception 'There is no such refund.' using errcode = 'SBM06', column = 'refund_id';
  end if;
  perform app_hidden.lock_booking(v_payment.booking_id);
  perform app_hidden.lock_payment(v_payment.id);
  v_refund := app_hidden.lock_refund(require_failed_refund.refund_id);
  if not v_refund.needs_attention then
    raise exception 'Only a refund that has failed, and is open, is repeated or settled.'
      using errcode = 'SBM05', column = 'refund_id';
  end if;
  return v_refund;
end
$$;

comment on function app_hidden.require_failed_refund(uuid) is
  'A refund that has failed and is still owed, locked; REFUND_SETTLED otherwise.';
