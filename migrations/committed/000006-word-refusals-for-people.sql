--! Previous: sha1:caa3bb35ccd7c23f50d798ecea3e4ae1863360cf
--! Hash: sha1:ebb687b7471b336b17e2d8528981eb254e5b8cf7
--! Message: word refusals for people

--! split: 1-current.sql
--! Included calendar/internal/check_nights.sql
/*
 * check_stay() for functions whose inputs are starts_on and ends_before: the error names what the
 * client wrote.
 */
create or replace function app_hidden.check_nights(starts_on date, ends_before date) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not coalesce(
    isfinite(check_nights.starts_on) and isfinite(check_nights.ends_before)
    and check_nights.starts_on < check_nights.ends_before, false
  ) then
    raise exception 'Give the first night, and a later day before which it ends.'
      using errcode = 'SBC02', column = 'ends_before';
  end if;
  if check_nights.ends_before - check_nights.starts_on > 730 then
    raise exception 'At most 730 nights at once.' using errcode = 'SBC04', column = 'ends_before';
  end if;
end
$$;

comment on function app_hidden.check_nights(date, date) is
  'INVALID_STAY or STAY_TOO_LONG where a range of nights makes no sense.';
--! EndIncluded calendar/internal/check_nights.sql
--! Included pricing/mutations/set_listing_rates.sql
create or replace function app_public.set_listing_rates(
  listing_id uuid,
  currency text,
  nightly_amount bigint,
  weekend_nightly_amount bigint default null,
  cleaning_fee_amount bigint default 0,
  extra_guest_fee_amount bigint default 0,
  guests_included integer default 1
) returns app_public.listing_rates
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings := app_hidden.require_own_listing(set_listing_rates.listing_id);
  v_rates app_public.listing_rates;
  v_field record;
begin
  for v_field in
    select * from (values
      ('nightly_amount', set_listing_rates.nightly_amount, 1),
      ('weekend_nightly_amount', set_listing_rates.weekend_nightly_amount, 1),
      ('cleaning_fee_amount', set_listing_rates.cleaning_fee_amount, 0),
      ('extra_guest_fee_amount', set_listing_rates.extra_guest_fee_amount, 0)
    ) as f (name, amount, least_amount)
  loop
    perform app_hidden.require_charge_step(
      set_listing_rates.currency, v_field.name, v_field.amount
    );
    if v_field.amount not between v_field.least_amount and 100000000000 then
      raise exception 'This amount is at least % and at most 100000000000 minor units.',
        v_field.least_amount
        using errcode = 'SBP04', column = v_field.name;
    end if;
  end loop;
  if set_listing_rates.nightly_amount is null then
    raise exception 'A nightly rate is needed.' using errcode = 'SBP04', column = 'nightly_amount';
  end if;

  -- Dated rates are in the old currency; they would become wrong, so they have to go first.
  if exists (
    select from app_public.dated_rates d
    where d.listing_id = v_listing.id and d.currency <> set_listing_rates.currency
  ) then
    raise exception 'Clear the dated rates before changing the currency.'
      using errcode = 'SBP07', column = 'currency';
  end if;

  insert into app_public.listing_rates (
    listing_id, currency, nightly_amount, weekend_nightly_amount,
    cleaning_fee_amount, extra_guest_fee_amount, guests_included
  )
  values (
    v_listing.id, set_listing_rates.currency, set_listing_rates.nightly_amount,
    set_listing_rates.weekend_nightly_amount, coalesce(set_listing_rates.cleaning_fee_amount, 0),
    coalesce(set_listing_rates.extra_guest_fee_amount, 0),
    coalesce(set_listing_rates.guests_included, 1)
  )
  on conflict on constraint listing_rates_pkey do update
    set currency = excluded.currency, nightly_amount = excluded.nightly_amount,
        weekend_nightly_amount = excluded.weekend_nightly_amount,
        cleaning_fee_amount = excluded.cleaning_fee_amount,
        extra_guest_fee_amount = excluded.extra_guest_fee_amount,
        guests_included = excluded.guests_included
  returning * into v_rates;
  return v_rates;
end
$$;

grant execute on function app_public.set_listing_rates(uuid, text, bigint, bigint, bigint, bigint, integer)
  to :DATABASE_VISITOR;

comment on function app_public.set_listing_rates(uuid, text, bigint, bigint, bigint, bigint, integer) is
  'Prices a listing, replacing all its rates: what is left out is no fee, no weekend rate, one guest included. Amounts are in minor units of the currency. Quotes already made keep their price.';
--! EndIncluded pricing/mutations/set_listing_rates.sql
--! Included pricing/mutations/set_dated_rate.sql
/*
 * Prices a range of nights. Ranges that are there are cut where the new one lies; a null amount
 * only cuts. The host's listing row is locked first, so two edits of one listing queue up.
 */
create or replace function app_public.set_dated_rate(
  listing_id uuid, starts_on date, ends_before date, nightly_amount bigint default null
) returns setof app_public.dated_rates
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_currency text;
  v_nights daterange;
begin
  perform app_hidden.check_nights(set_dated_rate.starts_on, set_dated_rate.ends_before);
  v_listing := app_hidden.require_own_listing(set_dated_rate.listing_id);
  v_nights := daterange(set_dated_rate.starts_on, set_dated_rate.ends_before);

  select r.currency into v_currency from app_public.listing_rates r where r.listing_id = v_listing.id;
  if v_currency is null then
    raise exception 'Set the listing''s rates first.' using errcode = 'SBP06', column = 'listing_id';
  end if;
  perform app_hidden.require_charge_step(v_currency, 'nightly_amount', set_dated_rate.nightly_amount);
  if set_dated_rate.nightly_amount not between 1 and 100000000000 then
    raise exception 'A nightly rate is at least 1 and at most 100000000000 minor units.'
      using errcode = 'SBP04', column = 'nightly_amount';
  end if;

  with cut as (
    delete from app_public.dated_rates d
    where d.listing_id = v_listing.id and d.nights && v_nights
    returning d.*
  )
  insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
  select c.listing_id, rest, c.currency, c.nightly_amount
  from cut c
  cross join lateral unnest(datemultirange(c.nights) - datemultirange(v_nights)) rest;

  if set_dated_rate.nightly_amount is not null then
    insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
    values (v_listing.id, v_nights, v_currency, set_dated_rate.nightly_amount);
  end if;

  return query
  select d.* from app_public.dated_rates d
  where d.listing_id = v_listing.id
    and d.nights && daterange(set_dated_rate.starts_on - 1, set_dated_rate.ends_before + 1)
  order by d.nights;
end
$$;

grant execute on function app_public.set_dated_rate(uuid, date, date, bigint) to :DATABASE_VISITOR;

comment on function app_public.set_dated_rate(uuid, date, date, bigint) is
  'Gives the nights from a day to before another a rate of their own, in minor units; without an amount, takes it back. Returns the dated rates around it.';
--! EndIncluded pricing/mutations/set_dated_rate.sql
--! Included search/internal/check_search.sql
create or replace function app_hidden.check_search(
  west double precision, south double precision, east double precision, north double precision,
  check_in date, check_out date, guests integer,
  currency text, min_amount bigint, max_amount bigint, page_size integer, after text
) returns void
language plpgsql stable
as $$
begin
  -- NaN compares as larger than any number, so these bounds keep it out too.
  if not coalesce(
    west between -180 and 180 and east between -180 and 180
    and south between -90 and 90 and north between -90 and 90 and south <= north, false
  ) then
    raise exception 'A box needs west and east from -180 to 180, and south up to north from -90 to 90.'
      using errcode = 'SBS01', column = 'west';
  end if;
  if check_search.check_in is not null or check_search.check_out is not null then
    perform app_hidden.check_stay(
      check_search.check_in, check_search.check_out, check_search.guests
    );
    -- Somewhere on Earth it is still yesterday; each listing's own date is compared in its zone.
    if check_search.check_in < (app_hidden.clock() at time zone 'Etc/GMT+12')::date then
      raise exception 'Check-in is in the past.' using errcode = 'SBC03', column = 'check_in';
    end if;
  elsif coalesce(check_search.guests, 0) < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
  if coalesce(check_search.min_amount, check_search.max_amount) is not null
    and check_search.currency is null
  then
    raise exception 'To search by price, say in which currency.' using errcode = 'SBS04', column = 'currency';
  end if;
  if check_search.currency is not null and not exists (
    select from app_public.currencies c where c.code = check_search.currency
  ) then
    raise exception 'Unknown currency: use one of the query currencies, such as EUR.'
      using errcode = 'SBP05', column = 'currency';
  end if;
  if check_search.min_amount < 0 or check_search.max_amount < coalesce(check_search.min_amount, 0) then
    raise exception 'Prices are not negative, and the least is at most the greatest.'
      using errcode = 'SBS04', column = 'max_amount';
  end if;
  if check_search.page_size is null or check_search.page_size not between 1 and 100 then
    raise exception 'A page has 1 to 100 results.' using errcode = 'SBG06', column = 'page_size';
  end if;
  if check_search.after is not null
    and check_search.after !~ '^[0-9]{1,9}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  then
    raise exception 'Give as after the cursor of a result.' using errcode = 'SBS02', column = 'after';
  end if;
end
$$;

comment on function app_hidden.check_search(
  double precision, double precision, double precision, double precision, date, date, integer,
  text, bigint, bigint, integer, text
) is 'Refuses a search that makes no sense, with a code that says why.';
--! EndIncluded search/internal/check_search.sql
