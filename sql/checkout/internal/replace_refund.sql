create or replace function app_hidden.replace_refund(refund app_public.refunds, amount bigint)
returns app_public.refunds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
begin
  insert into app_public.refunds (
    payment_id, currency, amount, reason_code, reason, actor, actor_id, replaces_id
  )
  values (
    refund.payment_id, refund.currency, replace_refund.amount, refund.reason_code, refund.reason,
    refund.actor, refund.actor_id, refund.id
  )
  returning * into v_refund;
  perform app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', v_refund.id), 'refund:' || v_refund.id,
    max_attempts => 25
  );
  return v_refund;
end
$$;

comment on function app_hidden.replace_refund(app_public.refunds, bigint) is
  'A refund in the place of one that was not made, with its job.';
