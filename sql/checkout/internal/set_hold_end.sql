/*
 * Until when the nights of a booking that waits for its payment are held. While Stripe could still
 * take the money they outlast the guest's time by ten minutes: so long Stripe may take to say
 * whether it was paid, and who wants the nights is told that they are taken. While the bank decides
 * they have no time here: expire_holds() ends them a day after the guest's time. The caller holds
 * the locks on units and booking.
 */
create or replace function app_hidden.set_hold_end(
  booking app_public.bookings, payment_status app_public.payment_status
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.calendar_claims c
  set expires_at = case payment_status
    when 'processing' then null
    when 'cancelled' then booking.hold_expires_at
    else booking.hold_expires_at + interval '10 minutes'
  end
  where c.booking_id = booking.id and c.kind = 'hold' and c.alteration_id is null
$$;

comment on function app_hidden.set_hold_end(app_public.bookings, app_public.payment_status) is
  'Holds the nights of a booking for as long as its payment may take.';
