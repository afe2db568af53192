/*
 * The price of a sold stay as it shall be, under the policy it was sold under, as a quote that
 * lasts as long as the proposal. The total, and the difference where there is one to pay, are
 * amounts that a card can be charged.
 */
create or replace function app_hidden.quote_alteration(
  booking app_public.bookings, asked app_hidden.asked_stay, expires_at timestamptz
) returns app_public.quotes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_quote app_public.quotes;
  v_price record;
  v_more bigint;
begin
  select p.* into v_price from app_hidden.price_stay(
    booking.listing_id, asked.check_in, asked.check_out, asked.guests, only_free => false,
    pets => asked.pets
  ) p;
  if v_price.currency is distinct from booking.currency then
    raise exception 'The listing has no rates in %, in which this stay was sold.', booking.currency
      using errcode = 'SBP06', column = 'booking_id';
  end if;
  v_more := v_price.total_amount - booking.total_amount;
  if v_price.total_amount not between v_price.minimum_charge_amount
      and v_price.maximum_charge_amount
    or v_more between 1 and v_price.minimum_charge_amount - 1
  then
    raise exception 'A card takes % to % minor units at once; this would be %.',
      v_price.minimum_charge_amount, v_price.maximum_charge_amount,
      case when v_more > 0 then v_more else v_price.total_amount end
      using errcode = 'SBP04', column = 'check_out';
  end if;

  insert into app_public.quotes (
    listing_id, guest_id, check_in, check_out, guests, children, infants, pets, currency,
    total_amount, host_amount, platform_amount, cancellation_policy, expires_at
  )
  values (
    booking.listing_id, booking.guest_id, asked.check_in, asked.check_out, asked.guests,
    asked.children, asked.infants, asked.pets, v_price.currency, v_price.total_amount,
    v_price.subtotal_amount - v_price.host_commission_amount,
    v_price.guest_service_fee_amount + v_price.host_commission_amount,
    booking.cancellation_policy, quote_alteration.expires_at
  )
  returning * into v_quote;
  insert into app_public.quote_line_items (
    quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
  )
  select v_quote.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
    i.payer, i.payee
  from app_hidden.stay_line_items(
    booking.listing_id, asked.check_in, asked.check_out, asked.guests, asked.pets
  ) with ordinality i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

comment on function app_hidden.quote_alteration(
  app_public.bookings, app_hidden.asked_stay, timestamptz
) is 'The price of a sold stay as it shall be, as a quote.';
