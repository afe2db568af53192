/*
 * What a changed stay costs less is owed to the guest and goes back. What was given back before is
 * not given twice: host and platform give at most what they hold of the booking. The caller holds
 * the locks on units and booking.
 */
create or replace function app_hidden.refund_alteration(
  booking app_public.bookings, alteration app_public.alterations
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_host_holds bigint := app_hidden.booking_balance(booking.id, 'host_payable');
  v_left bigint := v_host_holds + app_hidden.booking_balance(booking.id, 'platform_revenue');
  v_amount bigint := least(-alteration.difference_amount, v_left);
  v_host_gives bigint := least(
    alteration.old_host_amount - alteration.host_amount, v_host_holds, v_amount
  );
begin
  if v_amount <= 0 then
    return;
  end if;
  perform app_hidden.post_ledger(
    'alteration:' || alteration.id, 'alteration', booking.id,
    array[
      row('host_payable', booking.host_id, booking.currency, v_host_gives),
      row('platform_revenue', null, booking.currency, v_amount - v_host_gives),
      row('guest_payable', null, booking.currency, -v_amount)
    ]::app_hidden.ledger_posting[]
  );
  perform app_hidden.queue_refund(
    booking.id, v_amount, 'altered', 'The stay was changed, and costs less.',
    alteration.proposed_by
  );
end
$$;

comment on function app_hidden.refund_alteration(app_public.bookings, app_public.alterations) is
  'Gives back what a changed stay costs less.';
