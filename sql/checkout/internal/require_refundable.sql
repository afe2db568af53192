/*
 * Raises where so much of a booking cannot be given back. What the payments hold is looked at by
 * queue_refund.
 */
create or replace function app_hidden.require_refundable(
  booking app_public.bookings, amount bigint, currency text, borne_by app_public.cost_bearer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step integer := (
    select c.charge_step from app_public.currencies c where c.code = booking.currency
  );
  v_host_holds bigint := app_hidden.booking_balance(booking.id, 'host_payable');
begin
  if require_refundable.currency is distinct from booking.currency then
    raise exception 'This booking was paid in %.', booking.currency
      using errcode = 'SBG04', column = 'currency';
  end if;
  if coalesce(require_refundable.amount, 0) <= 0 or require_refundable.amount % v_step <> 0 then
    raise exception 'Give back more than zero, in steps of % minor units.', v_step
      using errcode = 'SBG04', column = 'amount';
  end if;
  if borne_by = 'host' and require_refundable.amount > v_host_holds then
    raise exception 'The host has % % of this booking, and cannot bear more.',
      v_host_holds, booking.currency
      using errcode = 'SBM04', column = 'amount';
  end if;
end
$$;

comment on function app_hidden.require_refundable(
  app_public.bookings, bigint, text, app_public.cost_bearer
) is 'Raises where so much of a booking cannot be given back.';
