/*
 * The check that the rates which search and quotes read are those that the host has set. Returns
 * the units where they are not; an empty result is the good answer.
 */
create or replace function app_private.pricing_drift()
returns table (listing_id uuid, unit_number smallint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.listing_id, a.unit_number
  from app_hidden.listing_availability a
  left join app_public.listing_rates r on r.listing_id = a.listing_id
  left join app_public.currencies c on c.code = r.currency
  where (
    a.currency, a.charge_step, a.nightly_amount, a.weekend_nightly_amount, a.cleaning_fee_amount,
    a.extra_guest_fee_amount, a.guests_included, a.has_dated_rates
  ) is distinct from (
    r.currency, c.charge_step, r.nightly_amount, r.weekend_nightly_amount, r.cleaning_fee_amount,
    r.extra_guest_fee_amount, r.guests_included, coalesce(r.has_dated_rates, false)
  ) or coalesce(r.has_dated_rates, false) <> exists (
    select from app_public.dated_rates d where d.listing_id = a.listing_id
  )
$$;

grant execute on function app_private.pricing_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.pricing_drift() is
  'Units whose rates differ from their listing''s; none, or something is broken.';
