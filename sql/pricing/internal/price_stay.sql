/*
 * The price of a stay, as parts. This one function is behind the total that search shows and behind
 * the quote that is sold, so they agree to the minor unit. With only_free it answers only where the
 * stay can be sold: a unit can take it, and a card can be charged for it. Search asks all of that
 * of each candidate, and this reads the row that knows it once.
 *
 * Nights: dated rate, else weekend rate, else base rate. Base and weekend nights are counted, not
 * walked; only listings that have dated rates read them. Fees: cleaning once, extra guests by
 * night, pets once however many; the guest's service fee and the host's commission are shares of
 * what the host earns before them.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM. Each
 * "offset 0" keeps what is below it from being merged with what is above, or every use of an amount
 * would compute it again; "limit 1" does the same, and takes any one of the units.
 */
create or replace function app_hidden.price_stay(
  listing_id uuid, check_in date, check_out date, guests integer, only_free boolean,
  pets integer default 0
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
  pet_fee_amount bigint,
  subtotal_amount bigint,
  guest_service_fee_amount bigint,
  host_commission_amount bigint,
  total_amount bigint,
  minimum_charge_amount bigint,
  maximum_charge_amount bigint
)
language sql stable
as $$
  select
    p.currency, p.base_nights, p.base_amount, p.weekend_nights, p.weekend_amount,
    p.dated_nights, p.dated_total_amount, p.cleaning_fee_amount, p.extra_guests,
    p.extra_guest_fee_amount, p.pet_fee_amount, p.subtotal_amount, p.guest_service_fee_amount,
    app_hidden.service_fee(p.subtotal_amount, p.host_commission_bps, p.charge_step),
    p.subtotal_amount + p.guest_service_fee_amount,
    c.minimum_charge_amount, c.maximum_charge_amount
  from (
    select
      s.*,
      app_hidden.service_fee(s.subtotal_amount, s.guest_service_fee_bps, s.charge_step)
        as guest_service_fee_amount
    from (
      select
        n.*,
        n.base_nights * n.base_amount + n.weekend_nights * n.weekend_amount + n.dated_total_amount
          + n.cleaning_fee_amount
          + n.extra_guest_fee_amount * n.extra_guests * (price_stay.check_out - price_stay.check_in)
          + n.pet_fee_amount
          as subtotal_amount
      from (
        select
          u.*,
          coalesce(u.dated[1], 0)::integer as dated_nights,
          coalesce(u.dated[3], 0) as dated_total_amount,
          (price_stay.check_out - price_stay.check_in - u.all_weekend_nights
            - coalesce(u.dated[1] - u.dated[2], 0))::integer as base_nights,
          (u.all_weekend_nights - coalesce(u.dated[2], 0))::integer as weekend_nights
        from (
          select
            a.currency,
            a.charge_step,
            a.nightly_amount as base_amount,
            coalesce(a.weekend_nightly_amount, a.nightly_amount) as weekend_amount,
            a.cleaning_fee_amount,
            greatest(price_stay.guests - a.guests_included, 0) as extra_guests,
            a.extra_guest_fee_amount,
            -- Search asks without pets, and then nothing is read for them.
            case when price_stay.pets > 0 then (
              select r.pet_fee_amount from app_public.listing_rates r
              where r.listing_id = a.listing_id
            ) else 0 end as pet_fee_amount,
            -- Asked for in a query of its own, for that runs once and not once a listing.
            (select app_hidden.weekend_nights_before(price_stay.check_out)
              - app_hidden.weekend_nights_before(price_stay.check_in)) as all_weekend_nights,
            -- Nights with a rate of their own, those of them at weekends, and what they cost.
            case when a.has_dated_rates then (
              select array[
                sum(o.ends - o.starts),
                sum(
                  app_hidden.weekend_nights_before(o.ends)
                    - app_hidden.weekend_nights_before(o.starts)
                ),
                sum(o.nightly_amount * (o.ends - o.starts))::bigint
              ]
              from (
                select
                  d.nightly_amount,
                  greatest(lower(d.nights), price_stay.check_in) as starts,
                  least(upper(d.nights), price_stay.check_out) as ends
                from app_public.dated_rates d
                where d.listing_id = a.listing_id
                  and d.currency = a.currency
                  and upper(d.nights) > price_stay.check_in
                  and lower(d.nights) < price_stay.check_out
              ) o
            ) end as dated,
            (select f.guest_service_fee_bps from app_hidden.fees_in_force() f)
              as guest_service_fee_bps,
            (select f.host_commission_bps from app_hidden.fees_in_force() f)
              as host_commission_bps
          from app_hidden.listing_availability a
          where a.listing_id = price_stay.listing_id
            and a.nightly_amount is not null
            and (
              not price_stay.only_free
              or (
                (
                  not a.taken && app_hidden.claim_window(
                    price_stay.check_in, price_stay.check_out, a.preparation_days
                  )
                  -- Mostly no hold is over that still has its nights; which ones are is asked once.
                  or (
                    a.listing_id in (
                      select h.listing_id from app_public.calendar_claims h
                      where h.expires_at <= app_hidden.clock()
                    )
                    and exists (
                      select from app_hidden.free_units(
                        a.listing_id,
                        app_hidden.claim_window(
                          price_stay.check_in, price_stay.check_out, a.preparation_days
                        ),
                        a.unit_number
                      )
                    )
                  )
                )
                and app_hidden.stay_keeps_restrictions(a, price_stay.check_in, price_stay.check_out)
              )
            )
          limit 1
        ) u
        offset 0
      ) n
      offset 0
    ) s
    offset 0
  ) p
  join app_public.currencies c on c.code = p.currency
  where not price_stay.only_free
    or p.subtotal_amount + p.guest_service_fee_amount
      between c.minimum_charge_amount and c.maximum_charge_amount
$$;

comment on function app_hidden.price_stay(uuid, date, date, integer, boolean, integer) is
  'The price of a stay in minor units, as parts; no row where the listing has no rates or, with '
  'only_free, the stay cannot be sold.';
