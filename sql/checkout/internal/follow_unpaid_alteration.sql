/*
 * What a payment that has taken no money yet means for the change that it is for. The caller holds
 * the locks on units, booking and payment.
 */
create or replace function app_hidden.follow_unpaid_alteration(
  payment app_public.payments, alteration app_public.alterations
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if alteration.status = 'accepted' then
    perform app_hidden.set_alteration_hold_end(alteration, payment.status);
    -- Now it is known that the guest did not pay in time.
    if payment.status = 'cancelled' and alteration.expires_at <= app_hidden.clock() then
      perform app_hidden.expire_alteration(alteration.id);
    end if;
  elsif payment.status not in ('processing', 'cancelled') then
    perform app_hidden.queue_intent_cancellation(payment.id);
  end if;
end
$$;

comment on function app_hidden.follow_unpaid_alteration(
  app_public.payments, app_public.alterations
) is 'What a payment that has taken no money means for the change that it is for.';
