/*
 * The price of a stay, as parts. This one function is behind the total that search shows and behind
 * the quote that is sold, so they agree to the minor unit.
 *
 * Nights: dated rate, else weekend rate, else base rate. Base and weekend nights are counted, not
 * walked; only listings that have dated rates read them. Fees: cleaning once, extra guests by
 * night; the guest's service fee and the host's commission are shares of what the host earns before
 * them.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM. Each
 * "offset 0" keeps what is below it from being merged with what is above, or every use of an amount
 * would compute it again.
 */
create or replace function app_hidden.price_stay(
  listing_id uuid, check_in date, check_out date, guests integer
) returns table (
  currency text,
  base_nights integer,
  base_amount bigint,
  weekend_nights integer,
  weekend_amount bigint,
  dated_nights integer,
  dated_total_amount bigint,
  cleaning_fee_amount bigint,
  extra_guests integer,
  extra_guest_fee_amount bigint,
  subtotal_amount bigint,
  guest_service_fee_amount bigint,
  host_commission_amount bigint,
  total_amount bigint
)
language sql stable
as $$
  select
    p.currency, p.base_nights, p.base_amount, p.weekend_nights, p.weekend_amount,
    p.dated_nights, p.dated_total_amount, p.cleaning_fee_amount, p.extra_guests,
    p.extra_guest_fee_amount, p.subtotal_amount,
    app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step),
    app_hidden.service_fee(p.subtotal_amount, p.host_commission_bps, p.charge_step),
    p.subtotal_amount
      + app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step)
  from (
    select
      n.*,
      n.base_nights * n.base_amount + n.weekend_nights * n.weekend_amount + n.dated_total_amount
        + n.cleaning_fee_amount
        + n.extra_guest_fee_amount * n.extra_guests * (price_stay.check_out - price_stay.check_in)
        as subtotal_amount
    from (
      select
        r.currency,
        r.nightly_amount as base_amount,
        coalesce(r.weekend_nightly_amount, r.nightly_amount) as weekend_amount,
        (price_stay.check_out - price_stay.check_in - s.weekend_nights
          - coalesce(d.nights - d.weekend_nights, 0))::integer as base_nights,
        (s.weekend_nights - coalesce(d.weekend_nights, 0))::integer as weekend_nights,
        coalesce(d.nights, 0)::integer as dated_nights,
        coalesce(d.total_amount, 0)::bigint as dated_total_amount,
        r.cleaning_fee_amount,
        greatest(price_stay.guests - r.guests_included, 0) as extra_guests,
        r.extra_guest_fee_amount,
        -- Steps are 1 or 10 (see currencies): the few tens are read once a query, not once a
        -- listing.
        case
          when r.currency = any (
            array(select c.code from app_public.currencies c where c.charge_step = 10)
          ) then 10::smallint
          else 1::smallint
        end as charge_step,
        (select f.guest_service_fee_bps from app_hidden.platform_fees f
          where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
        ) as guest_service_fee_bps,
        (select f.host_commission_bps from app_hidden.platform_fees f
          where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
        ) as host_commission_bps
      from app_public.listing_rates r
      cross join (
        select app_hidden.weekend_nights_before(price_stay.check_out)
          - app_hidden.weekend_nights_before(price_stay.check_in) as weekend_nights
      ) s
      left join lateral (
        select
          sum(o.ends - o.starts) as nights,
          sum(app_hidden.weekend_nights_before(o.ends) - app_hidden.weekend_nights_before(o.starts))
            as weekend_nights,
          sum(o.nightly_amount * (o.ends - o.starts)) as total_amount
        from (
          select
            d.nightly_amount,
            greatest(lower(d.nights), price_stay.check_in) as starts,
            least(upper(d.nights), price_stay.check_out) as ends
          from app_public.dated_rates d
          where r.has_dated_rates
            and d.listing_id = r.listing_id
            and d.currency = r.currency
            and upper(d.nights) > price_stay.check_in
            and lower(d.nights) < price_stay.check_out
        ) o
      ) d on true
      where r.listing_id = price_stay.listing_id
      offset 0
    ) n
    offset 0
  ) p
$$;

comment on function app_hidden.price_stay(uuid, date, date, integer) is
  'The price of a stay in minor units, as parts; no row where the listing has no rates.';
