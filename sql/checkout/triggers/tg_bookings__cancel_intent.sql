create or replace function app_hidden.tg_bookings__cancel_intent() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.queue_intent_cancellation(p.id)
  from app_public.payments p
  where p.booking_id = NEW.id
    and p.stripe_payment_intent_id is not null
    and p.status in ('requires_payment', 'requires_action', 'processing', 'authorised');
  return null;
end
$$;

create or replace trigger _600_cancel_intent
  after update of status on app_public.bookings
  for each row when (NEW.status in ('expired', 'cancelled', 'declined'))
  execute function app_hidden.tg_bookings__cancel_intent();

comment on function app_hidden.tg_bookings__cancel_intent() is
  'When a booking ends unpaid, its intent is cancelled at Stripe.';
