create or replace function app_public.set_listing_rates(
  listing_id uuid,
  currency text,
  nightly_amount bigint,
  weekend_nightly_amount bigint default null,
  cleaning_fee_amount bigint default 0,
  extra_guest_fee_amount bigint default 0,
  guests_included integer default 1,
  pet_fee_amount bigint default 0
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
      ('extra_guest_fee_amount', set_listing_rates.extra_guest_fee_amount, 0),
      ('pet_fee_amount', set_listing_rates.pet_fee_amount, 0)
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
    cleaning_fee_amount, extra_guest_fee_amount, guests_included, pet_fee_amount
  )
  values (
    v_listing.id, set_listing_rates.currency, set_listing_rates.nightly_amount,
    set_listing_rates.weekend_nightly_amount, coalesce(set_listing_rates.cleaning_fee_amount, 0),
    coalesce(set_listing_rates.extra_guest_fee_amount, 0),
    coalesce(set_listing_rates.guests_included, 1), coalesce(set_listing_rates.pet_fee_amount, 0)
  )
  on conflict on constraint listing_rates_pkey do update
    set currency = excluded.currency, nightly_amount = excluded.nightly_amount,
        weekend_nightly_amount = excluded.weekend_nightly_amount,
        cleaning_fee_amount = excluded.cleaning_fee_amount,
        extra_guest_fee_amount = excluded.extra_guest_fee_amount,
        guests_included = excluded.guests_included, pet_fee_amount = excluded.pet_fee_amount
  returning * into v_rates;
  return v_rates;
end
$$;

grant execute on function app_public.set_listing_rates(
  uuid, text, bigint, bigint, bigint, bigint, integer, bigint
)
  to :DATABASE_VISITOR;

comment on function app_public.set_listing_rates(
  uuid, text, bigint, bigint, bigint, bigint, integer, bigint
) is
  'Prices a listing, replacing all its rates: what is left out is no fee, no weekend rate, one '
  'guest included. Amounts are in minor units of the currency. Quotes already made keep their '
  'price.';
