/*
 * Search asks each candidate "free, and for how much?": the copy beside the nights that are taken
 * answers both with one look-up. pricing_drift() compares. Locks: availability, unit by unit, as
 * all who take nights do.
 */
create or replace function app_hidden.tg_listing_rates__copy_to_units() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.lock_units(coalesce(NEW.listing_id, OLD.listing_id));
  update app_hidden.listing_availability a
  set currency = NEW.currency,
      charge_step = (
        select c.charge_step from app_public.currencies c where c.code = NEW.currency
      ),
      nightly_amount = NEW.nightly_amount,
      weekend_nightly_amount = NEW.weekend_nightly_amount,
      cleaning_fee_amount = NEW.cleaning_fee_amount,
      extra_guest_fee_amount = NEW.extra_guest_fee_amount,
      guests_included = NEW.guests_included,
      has_dated_rates = coalesce(NEW.has_dated_rates, false)
  where a.listing_id = coalesce(NEW.listing_id, OLD.listing_id);
  return null;
end
$$;

create or replace trigger _310_copy_to_units
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg_listing_rates__copy_to_units();

comment on function app_hidden.tg_listing_rates__copy_to_units() is
  'Copies a listing''s rates to its units, where search reads them.';
