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

  select r.currency into v_currency from app_public.listing_rates r
  where r.listing_id = v_listing.id;
  if v_currency is null then
    raise exception 'Set the listing''s rates first.'
      using errcode = 'SBP06', column = 'listing_id';
  end if;
  perform app_hidden.require_charge_step(
    v_currency, 'nightly_amount', set_dated_rate.nightly_amount
  );
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
  'Gives the nights from a day to before another a rate of their own, in minor units; without an '
  'amount, takes it back. Returns the dated rates around it.';
