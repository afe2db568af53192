--! Previous: sha1:d946c46676ff6d4c15b100796f2cfae47f1bb904
--! Hash: sha1:2ba18c10f8676ad70cdf1499c44aa5f215100cc0
--! Message: offer only what a card can be charged

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     foundation/currencies.sql
--   +99 -69 pricing/internal/price_stay.sql
--   new     quotes/types/bookability_reason.sql
--   +16 -6  quotes/queries/bookability.sql
--   +11 -0  quotes/internal/require_bookable.sql
--   +0 -17  quotes/mutations/create_quote.sql (was pricing/mutations/create_quote.sql)
-- (npm run db:commit wrote these lines.)

alter table app_public.currencies
  add column if not exists maximum_charge_amount bigint not null default 99999999;
alter table app_public.currencies
  drop constraint if exists currencies_charge_amounts_are_ordered;
alter table app_public.currencies add constraint currencies_charge_amounts_are_ordered
  check (0 < minimum_charge_amount and minimum_charge_amount < maximum_charge_amount);
--! Included foundation/currencies.sql
/*
 * The currencies that the marketplace trades in, with what money arithmetic needs to know about
 * each. Amounts everywhere are integers in the minor unit: 12.34 EUR is 1234, 1234 JPY is 1234.
 */
create table if not exists app_public.currencies (
  code text constraint currencies_pkey primary key,
  number smallint not null,
  name text not null,
  exponent smallint not null,
  charge_step smallint not null,
  minimum_charge_amount bigint not null,
  -- Stripe takes eight digits at most in all of these.
  maximum_charge_amount bigint not null default 99999999,

  constraint currencies_number_key unique (number),
  constraint currencies_code_is_iso_4217 check (code ~ '^[A-Z]{3}$'),
  constraint currencies_exponent_is_known check (exponent in (0, 2, 3)),
  -- Card networks settle three-decimal currencies in tens of the minor unit.
  constraint currencies_charge_step_fits_exponent
    check (charge_step = case exponent when 3 then 10 else 1 end),
  constraint currencies_charge_amounts_are_ordered
    check (0 < minimum_charge_amount and minimum_charge_amount < maximum_charge_amount)
);

alter table app_public.currencies enable row level security;
alter table app_public.currencies force row level security;

comment on table app_public.currencies is 'A currency that listings can be priced in.';
comment on column app_public.currencies.code is 'ISO 4217 letters.';
comment on column app_public.currencies.number is 'ISO 4217 number.';
comment on column app_public.currencies.name is 'English name.';
comment on column app_public.currencies.exponent is
  'Decimals: an amount of 1234 with exponent 2 is 12.34.';
comment on column app_public.currencies.charge_step is
  'Amounts that are charged are multiples of this, in minor units.';
comment on column app_public.currencies.minimum_charge_amount is
  'The least that a card can be charged, in minor units.';
comment on column app_public.currencies.maximum_charge_amount is
  'The most that a card can be charged at once, in minor units.';

select app_hidden.drop_policies('app_public.currencies');
create policy select_all on app_public.currencies for select to :DATABASE_VISITOR using (true);
grant select on app_public.currencies to :DATABASE_VISITOR;
-- No insert, update or delete: a currency comes with a migration.

insert into app_public.currencies (code, number, name, exponent, charge_step, minimum_charge_amount)
values
  ('AED', 784, 'UAE dirham', 2, 1, 200),
  ('AUD', 36, 'Australian dollar', 2, 1, 50),
  ('BRL', 986, 'Brazilian real', 2, 1, 50),
  ('CAD', 124, 'Canadian dollar', 2, 1, 50),
  ('CHF', 756, 'Swiss franc', 2, 1, 50),
  ('CZK', 203, 'Czech koruna', 2, 1, 1500),
  ('DKK', 208, 'Danish krone', 2, 1, 250),
  ('EUR', 978, 'Euro', 2, 1, 50),
  ('GBP', 826, 'Pound sterling', 2, 1, 30),
  ('HKD', 344, 'Hong Kong dollar', 2, 1, 400),
  ('HUF', 348, 'Hungarian forint', 2, 1, 17500),
  ('INR', 356, 'Indian rupee', 2, 1, 50),
  ('JPY', 392, 'Japanese yen', 0, 1, 50),
  ('KRW', 410, 'South Korean won', 0, 1, 500),
  ('KWD', 414, 'Kuwaiti dinar', 3, 10, 200),
  ('MXN', 484, 'Mexican peso', 2, 1, 1000),
  ('NOK', 578, 'Norwegian krone', 2, 1, 300),
  ('NZD', 554, 'New Zealand dollar', 2, 1, 50),
  ('PLN', 985, 'Polish zloty', 2, 1, 200),
  ('SEK', 752, 'Swedish krona', 2, 1, 300),
  ('SGD', 702, 'Singapore dollar', 2, 1, 50),
  ('THB', 764, 'Thai baht', 2, 1, 1000),
  ('TND', 788, 'Tunisian dinar', 3, 10, 2000),
  ('TRY', 949, 'Turkish lira', 2, 1, 2000),
  ('USD', 840, 'US dollar', 2, 1, 50),
  ('ZAR', 710, 'South African rand', 2, 1, 1000)
on conflict (code) do update
  set number = excluded.number, name = excluded.name, exponent = excluded.exponent,
      charge_step = excluded.charge_step, minimum_charge_amount = excluded.minimum_charge_amount;
--! EndIncluded foundation/currencies.sql
drop function if exists app_hidden.price_stay(uuid, date, date, integer, boolean);
--! Included pricing/internal/price_stay.sql
/*
 * The price of a stay, as parts. This one function is behind the total that search shows and behind
 * the quote that is sold, so they agree to the minor unit. With only_free it answers only where the
 * stay can be sold: a unit can take it, and a card can be charged for it. Search asks all of that
 * of each candidate, and this reads the row that knows it once.
 *
 * Nights: dated rate, else weekend rate, else base rate. Base and weekend nights are counted, not
 * walked; only listings that have dated rates read them. Fees: cleaning once, extra guests by
 * night; the guest's service fee and the host's commission are shares of what the host earns before
 * them.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM. Each
 * "offset 0" keeps what is below it from being merged with what is above, or every use of an amount
 * would compute it again; "limit 1" does the same, and takes any one of the units.
 */
create or replace function app_hidden.price_stay(
  listing_id uuid, check_in date, check_out date, guests integer, only_free boolean
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
  total_amount bigint,
  minimum_charge_amount bigint,
  maximum_charge_amount bigint
)
language sql stable
as $$
  select
    p.currency, p.base_nights, p.base_amount, p.weekend_nights, p.weekend_amount,
    p.dated_nights, p.dated_total_amount, p.cleaning_fee_amount, p.extra_guests,
    p.extra_guest_fee_amount, p.subtotal_amount, p.guest_service_fee_amount,
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

comment on function app_hidden.price_stay(uuid, date, date, integer, boolean) is
  'The price of a stay in minor units, as parts; no row where the listing has no rates or, with '
  'only_free, the stay cannot be sold.';
--! EndIncluded pricing/internal/price_stay.sql
--! Included quotes/types/bookability_reason.sql
do $$
begin
  create type app_public.bookability_reason as (code text, rule text);
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.bookability_reason is 'Why a stay cannot be booked.';
comment on column app_public.bookability_reason.code is
  'not_published, not_instant, own_listing, no_rates, in_the_past, min_nights, max_nights, '
  'booking_window, advance_notice, too_many_guests, nights_taken, total_too_low, total_too_high '
  '(than a card can be charged).';
comment on column app_public.bookability_reason.rule is
  'The listing''s rule that made it, such as "3" for min_nights.';
--! EndIncluded quotes/types/bookability_reason.sql
--! Included quotes/queries/bookability.sql
/*
 * Every reason why a stay cannot be booked, not only the first: a client shows them all. An empty
 * answer means that it can be quoted and booked now, at a total that a card can be charged. Holds
 * that are over do not count as taken.
 */
create or replace function app_public.bookability(
  listing_id uuid, check_in date, check_out date, guests integer
) returns setof app_public.bookability_reason
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_today date;
  v_nights integer;
  v_price record;
begin
  perform app_hidden.check_stay(bookability.check_in, bookability.check_out, bookability.guests);
  v_nights := bookability.check_out - bookability.check_in;
  select l.* into v_listing from app_public.listings l where l.id = bookability.listing_id;
  if v_listing.id is null or (
    v_listing.status <> 'published'
    and v_listing.host_id is distinct from app_public.current_user_id()
  ) then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  v_today := app_hidden.local_today(v_listing.time_zone);
  -- Of more guests than fit no price is asked: it could be more than a number can hold.
  select p.* into v_price from app_hidden.price_stay(
    v_listing.id, bookability.check_in, bookability.check_out,
    least(bookability.guests, v_listing.max_guests), only_free => false
  ) p;

  return query
  select r.code, r.rule
  from (values
    ('not_published', v_listing.status <> 'published', v_listing.status::text),
    -- Until hosts can answer requests, these cannot be booked by anybody.
    ('not_instant', v_listing.booking_mode <> 'instant', v_listing.booking_mode::text),
    ('own_listing', v_listing.status = 'published'
      and v_listing.host_id = app_public.current_user_id(), null),
    ('no_rates', v_price is null, null),
    ('in_the_past', bookability.check_in < v_today, v_today::text),
    ('min_nights', v_nights < v_listing.min_nights, v_listing.min_nights::text),
    ('max_nights', v_nights > v_listing.max_nights, v_listing.max_nights::text),
    ('booking_window', bookability.check_in > v_today + v_listing.booking_window_days,
      v_listing.booking_window_days::text),
    ('advance_notice', v_listing.advance_notice_hours > 0
      and (bookability.check_in + v_listing.check_in_from) at time zone v_listing.time_zone
        < app_hidden.clock() + v_listing.advance_notice_hours * interval '1 hour',
      v_listing.advance_notice_hours::text),
    ('too_many_guests', bookability.guests > v_listing.max_guests, v_listing.max_guests::text),
    ('nights_taken', not exists (
      select from app_hidden.free_units(
        v_listing.id,
        app_hidden.claim_window(
          bookability.check_in, bookability.check_out, v_listing.preparation_days
        )
      )
    ), null),
    ('total_too_low', v_price.total_amount < v_price.minimum_charge_amount,
      v_price.minimum_charge_amount::text),
    ('total_too_high', v_price.total_amount > v_price.maximum_charge_amount,
      v_price.maximum_charge_amount::text)
  ) as r (code, applies, rule)
  where r.applies;
end
$$;

grant execute on function app_public.bookability(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.bookability(uuid, date, date, integer) is
  'Every reason why a stay cannot be booked; empty when it can.';
--! EndIncluded quotes/queries/bookability.sql
--! Included quotes/internal/require_bookable.sql
/*
 * The first reason of bookability(), as an error. Every reason has a code of its own in the
 * registry, so that a client can put the message next to the right field.
 */
create or replace function app_hidden.require_bookable(
  listing_id uuid, check_in date, check_out date, guests integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.bookability_reason;
begin
  select * into v_reason from app_public.bookability(
    require_bookable.listing_id, require_bookable.check_in, require_bookable.check_out,
    require_bookable.guests
  ) limit 1;
  case v_reason.code
    when 'not_published' then
      raise exception 'This listing is not open for bookings.'
        using errcode = 'SBL01', column = 'listing_id';
    when 'not_instant' then
      raise exception 'This host takes requests, which cannot be booked at once.'
        using errcode = 'SBB05', column = 'listing_id';
    when 'own_listing' then
      raise exception 'Hosts do not book their own listing; block the nights instead.'
        using errcode = 'SBB04', column = 'listing_id';
    when 'no_rates' then
      raise exception 'This listing has no rates.' using errcode = 'SBP06', column = 'listing_id';
    when 'in_the_past' then
      raise exception 'Check-in is in the past: there it is already %.', v_reason.rule
        using errcode = 'SBC03', column = 'check_in';
    when 'min_nights' then
      raise exception 'A stay here has at least % nights.', v_reason.rule
        using errcode = 'SBC08', column = 'check_out';
    when 'max_nights' then
      raise exception 'A stay here has at most % nights.', v_reason.rule
        using errcode = 'SBC04', column = 'check_out';
    when 'booking_window' then
      raise exception 'Stays can begin at most % days from now.', v_reason.rule
        using errcode = 'SBC09', column = 'check_in';
    when 'advance_notice' then
      raise exception 'The host needs % hours of notice.', v_reason.rule
        using errcode = 'SBC10', column = 'check_in';
    when 'too_many_guests' then
      raise exception 'At most % guests fit.', v_reason.rule
        using errcode = 'SBC05', column = 'guests';
    when 'nights_taken' then
      raise exception 'These nights are taken.' using errcode = 'SBC01', column = 'check_in';
    when 'total_too_low' then
      raise exception 'The total is less than the % minor units that a card takes.',
        v_reason.rule
        using errcode = 'SBP04', column = 'check_out';
    when 'total_too_high' then
      raise exception 'The total is more than the % minor units that a card takes at once.',
        v_reason.rule
        using errcode = 'SBP04', column = 'check_out';
    else null;
  end case;
end
$$;

comment on function app_hidden.require_bookable(uuid, date, date, integer) is
  'Raises the first reason why a stay cannot be booked.';
--! EndIncluded quotes/internal/require_bookable.sql
--! Included quotes/mutations/create_quote.sql
create or replace function app_public.create_quote(
  listing_id uuid, check_in date, check_out date, guests integer
) returns app_public.quotes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_price app_public.stay_price;
  v_quote app_public.quotes;
begin
  v_price := app_public.quote(
    create_quote.listing_id, create_quote.check_in, create_quote.check_out, create_quote.guests
  );

  insert into app_public.quotes (
    listing_id, guest_id, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, cancellation_policy
  )
  values (
    v_price.listing_id, v_user_id, v_price.check_in, v_price.check_out, v_price.guests,
    v_price.currency, v_price.total_amount, v_price.host_amount,
    v_price.total_amount - v_price.host_amount,
    (select l.cancellation_policy from app_public.listings l where l.id = v_price.listing_id)
  )
  returning * into v_quote;

  insert into app_public.quote_line_items (
    quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
  )
  select v_quote.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
    i.payer, i.payee
  from unnest(v_price.line_items) with ordinality
    i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

grant execute on function app_public.create_quote(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.create_quote(uuid, date, date, integer) is
  'Prices a stay and keeps the offer for 30 minutes, to be booked as it stands.';
--! EndIncluded quotes/mutations/create_quote.sql
