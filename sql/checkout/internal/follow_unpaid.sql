/*
 * What a payment that has taken no money yet means for its booking: the nights are held for as long
 * as it may still come; a card that is authorised asks the host; an authorisation that has ended
 * ends the request; and of a booking that has ended nobody must pay. The caller holds the locks on
 * units, booking and payment.
 */
create or replace function app_hidden.follow_unpaid(
  payment app_public.payments, booking app_public.bookings
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if payment.purpose = 'alteration' then
    perform app_hidden.follow_unpaid_alteration(payment, app_hidden.alteration_of(payment));
  elsif booking.status = 'pending_payment' and payment.status = 'authorised'
    and payment.capture_method = 'manual'
  then
    perform app_hidden.ask_host(booking, payment.authorised_until);
  elsif booking.status = 'pending_payment' then
    perform app_hidden.set_hold_end(booking, payment.status);
    -- Now it is known that the guest did not pay in time.
    if payment.status = 'cancelled' and booking.hold_expires_at <= app_hidden.clock() then
      update app_public.bookings b
      set status = 'expired', status_actor = 'system',
          status_reason = 'The hold ended before payment.'
      where b.id = booking.id;
    end if;
  elsif booking.status in ('requested', 'accepted') and payment.status = 'cancelled' then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The bank no longer sets the money aside.'
    where b.id = booking.id;
  elsif booking.status = 'accepted' then
    perform app_hidden.queue_capture(payment.id);
  elsif booking.status in ('expired', 'cancelled', 'declined')
    and payment.status not in ('processing', 'cancelled')
  then
    perform app_hidden.queue_intent_cancellation(payment.id);
  end if;
end
$$;

comment on function app_hidden.follow_unpaid(app_public.payments, app_public.bookings) is
  'What a payment that has taken no money means for its booking.';
