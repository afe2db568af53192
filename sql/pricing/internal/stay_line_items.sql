/*
 * The line items of a stay. Nights at the same rate by the same rule are one line; a share is one
 * line of quantity 1.
 */
create or replace function app_hidden.stay_line_items(
  listing_id uuid, check_in date, check_out date, guests integer, pets integer default 0
) returns setof app_public.price_line
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with price as (
    select * from app_hidden.price_stay(
      stay_line_items.listing_id, stay_line_items.check_in, stay_line_items.check_out,
      stay_line_items.guests,
      only_free => false,
      pets => stay_line_items.pets
    )
  ),
  fees as (
    select * from app_hidden.fees_in_force()
  ),
  lines (position, code, rule, unit_amount, quantity, payer, payee) as (
    select 1, 'nights', 'base_rate', p.base_amount, p.base_nights, 'guest', 'host' from price p
    union all
    select 2, 'nights', 'weekend_rate', p.weekend_amount, p.weekend_nights, 'guest', 'host'
    from price p
    union all
    select 3, 'nights', 'dated_rate', d.nightly_amount, sum(
      least(upper(d.nights), stay_line_items.check_out)
        - greatest(lower(d.nights), stay_line_items.check_in)
    )::integer, 'guest', 'host'
    from app_public.dated_rates d
    where d.listing_id = stay_line_items.listing_id
      and d.nights && daterange(stay_line_items.check_in, stay_line_items.check_out)
    group by d.nightly_amount
    union all
    select 4, 'cleaning_fee', 'cleaning_fee', p.cleaning_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 5, 'extra_guest_fee', 'extra_guest_fee', p.extra_guest_fee_amount,
      p.extra_guests * (stay_line_items.check_out - stay_line_items.check_in), 'guest', 'host'
    from price p
    union all
    select 6, 'pet_fee', 'pet_fee', p.pet_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 7, 'guest_service_fee', round(f.guest_service_fee_bps / 100.0, 2) || '%',
      p.guest_service_fee_amount, 1, 'guest', 'platform' from price p, fees f
    union all
    select 8, 'host_commission', round(f.host_commission_bps / 100.0, 2) || '%',
      p.host_commission_amount, 1, 'host', 'platform' from price p, fees f
  )
  select l.code, l.rule, p.currency, l.unit_amount, l.quantity, l.unit_amount * l.quantity,
    l.payer::app_public.party, l.payee::app_public.party
  from lines l, price p
  where l.unit_amount * l.quantity > 0
  order by l.position, l.unit_amount
$$;

comment on function app_hidden.stay_line_items(uuid, date, date, integer, integer) is
  'The line items of a stay.';
