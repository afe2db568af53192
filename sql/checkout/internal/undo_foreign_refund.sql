/*
 * A refund that somebody made at Stripe has failed: the platform's gift is taken back, and what the
 * guest is owed without a refund that would pay it is asked for anew. The caller holds the locks on
 * booking and payment.
 */
create or replace function app_hidden.undo_foreign_refund(
  refund app_public.refunds, booking_id uuid
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_taken_in record;
  v_owed bigint;
begin
  select t.id, e.amount into v_taken_in
  from app_public.ledger_transactions t
  join app_public.ledger_entries e on e.transaction_id = t.id
  where t.external_fact = 'foreign_refund:' || refund.stripe_refund_id and e.amount > 0;
  if v_taken_in.id is not null then
    perform app_hidden.post_ledger(
      'foreign_refund_failure:' || refund.stripe_refund_id, 'foreign_refund_failure',
      undo_foreign_refund.booking_id,
      array[
        row('guest_payable', null, refund.currency, v_taken_in.amount),
        row('platform_revenue', null, refund.currency, -v_taken_in.amount)
      ]::app_hidden.ledger_posting[],
      payment_id => refund.payment_id, refund_id => refund.id, reverses_id => v_taken_in.id
    );
  end if;
  v_owed := app_hidden.booking_balance(undo_foreign_refund.booking_id, 'guest_payable') - (
    select coalesce(sum(r.amount), 0)
    from app_public.refunds r
    join app_public.payments p on p.id = r.payment_id
    where p.booking_id = undo_foreign_refund.booking_id
      and (r.status in ('requested', 'pending') or r.needs_attention)
  );
  if v_owed > 0 then
    perform app_hidden.replace_refund(refund, v_owed);
  end if;
end
$$;

comment on function app_hidden.undo_foreign_refund(app_public.refunds, uuid) is
  'Takes back what a failed refund of others was, and asks for what is still owed.';
