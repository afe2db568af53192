/*
 * Notes which intent Stripe made for a payment. Where the booking ended while Stripe was being
 * asked, the intent is cancelled again, so that nobody pays for nothing. The booking is locked
 * first: one that ends at the same moment either sees the intent, or is seen here to have ended.
 * Locks: booking, then payment.
 */
create or replace function app_private.attach_payment_intent(payment_id uuid, intent_id text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_status app_public.booking_status;
begin
  select b.status into v_booking_status
  from app_public.payments p cross join lateral app_hidden.lock_booking(p.booking_id) b
  where p.id = attach_payment_intent.payment_id;
  update app_public.payments p
  set stripe_payment_intent_id = attach_payment_intent.intent_id
  where p.id = attach_payment_intent.payment_id and p.stripe_payment_intent_id is null;
  if not found then
    return;
  end if;
  if v_booking_status in ('expired', 'cancelled', 'declined') then
    perform app_hidden.queue_intent_cancellation(attach_payment_intent.payment_id);
  end if;
end
$$;

grant execute on function app_private.attach_payment_intent(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.attach_payment_intent(uuid, text) is
  'Notes Stripe''s intent of a payment.';
