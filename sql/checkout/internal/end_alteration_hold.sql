/*
 * The guest's time to pay for a change is over: as end_hold() for a stay. The caller holds the
 * locks on units and booking.
 */
create or replace function app_hidden.end_alteration_hold(payment app_public.payments)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations := app_hidden.alteration_of(payment);
  v_payment app_public.payments := app_hidden.lock_payment(payment.id);
begin
  if v_alteration.status <> 'accepted' or v_alteration.expires_at > app_hidden.clock() then
    return;
  end if;
  if v_payment.stripe_payment_intent_id is null then
    perform app_hidden.expire_alteration(v_alteration.id);
  elsif v_payment.status not in ('failed', 'cancelled') then
    perform app_hidden.queue_intent_cancellation(v_payment.id);
  end if;
end
$$;

comment on function app_hidden.end_alteration_hold(app_public.payments) is
  'Asks Stripe before the nights of a change that is over are freed.';
