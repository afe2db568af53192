/*
 * Brings the refund of an unknown charge to where Stripe's is. The ledger follows the money out,
 * and back where the refund fails.
 */
create or replace function app_hidden.apply_unknown_refund(
  intent_id text, stripe_refund_id text, new_status app_public.refund_status, failure_code text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_charge app_public.unknown_charges;
  v_amount bigint;
begin
  select c.* into v_charge from app_public.unknown_charges c
  where c.stripe_payment_intent_id = apply_unknown_refund.intent_id
  for no key update;
  if v_charge.id is null then
    return 'unknown';
  end if;
  if apply_unknown_refund.new_status <= v_charge.status
    or v_charge.stripe_refund_id <> apply_unknown_refund.stripe_refund_id
  then
    return 'unchanged';
  end if;
  update app_public.unknown_charges c
  set status = apply_unknown_refund.new_status,
      stripe_refund_id = apply_unknown_refund.stripe_refund_id,
      failure_code = apply_unknown_refund.failure_code
  where c.id = v_charge.id;
  v_amount := case
    when apply_unknown_refund.new_status = 'succeeded' then v_charge.amount
    when apply_unknown_refund.new_status = 'failed' and v_charge.status = 'succeeded'
      then -v_charge.amount
  end;
  if v_amount is not null then
    perform app_hidden.post_ledger(
      case when v_amount > 0 then 'refund:' else 'refund_failure:' end
        || apply_unknown_refund.stripe_refund_id,
      case when v_amount > 0 then 'refund' else 'refund_failure' end,
      null,
      array[
        row('guest_payable', null, v_charge.currency, v_amount),
        row('stripe_balance', null, v_charge.currency, -v_amount)
      ]::app_hidden.ledger_posting[]
    );
  end if;
  return apply_unknown_refund.new_status::text;
end
$$;

comment on function app_hidden.apply_unknown_refund(
  text, text, app_public.refund_status, text
) is 'Brings the refund of an unknown charge to where Stripe''s is.';
