/*
 * Stripe has refused to make a refund of ours, for good. The guest is owed the money still: the
 * refund stays open, and is shown.
 */
create or replace function app_private.refuse_refund(refund_id uuid, failure_code text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.refunds r
  set status = 'failed', failure_code = refuse_refund.failure_code
  where r.id = refuse_refund.refund_id and r.status = 'requested';
end
$$;

grant execute on function app_private.refuse_refund(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.refuse_refund(uuid, text) is
  'Notes that Stripe has refused a refund for good.';
