/*
 * A payment has arrived in full: it confirms its booking, or changes the stay. False where that
 * cannot be any more. The caller holds the locks on units, booking and payment.
 */
create or replace function app_hidden.sell_paid(
  payment app_public.payments, booking app_public.bookings
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations := app_hidden.alteration_of(payment);
begin
  if payment.purpose = 'stay' then
    return app_hidden.confirm_booking(booking);
  end if;
  if v_alteration.status is distinct from 'accepted' or booking.status <> 'confirmed' then
    return false;
  end if;
  perform app_hidden.apply_alteration(booking, v_alteration, 'system');
  return true;
end
$$;

comment on function app_hidden.sell_paid(app_public.payments, app_public.bookings) is
  'Confirms a booking that was paid, or changes its stay; false where that is too late.';
