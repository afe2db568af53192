/*
 * Another refund has taken the place of one that Stripe has not made yet; what of it is still owed,
 * if anything, is asked for by a new one. The caller holds the locks on booking and payment.
 */
create or replace function app_hidden.supersede_refund(
  refund app_public.refunds, still_owed bigint
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.refunds r
  set status = 'failed', failure_code = 'superseded', resolved_at = app_hidden.clock()
  where r.id = refund.id;
  if still_owed > 0 then
    perform app_hidden.replace_refund(refund, still_owed);
  end if;
end
$$;

comment on function app_hidden.supersede_refund(app_public.refunds, bigint) is
  'Ends a refund whose place another has taken, and asks for what is still owed.';
