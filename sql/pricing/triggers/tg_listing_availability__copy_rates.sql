-- A unit that joins later finds the rates already there.
create or replace function app_hidden.tg_listing_availability__copy_rates() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  select
    r.currency, c.charge_step, r.nightly_amount, r.weekend_nightly_amount, r.cleaning_fee_amount,
    r.extra_guest_fee_amount, r.guests_included, coalesce(r.has_dated_rates, false)
  into
    NEW.currency, NEW.charge_step, NEW.nightly_amount, NEW.weekend_nightly_amount,
    NEW.cleaning_fee_amount, NEW.extra_guest_fee_amount, NEW.guests_included, NEW.has_dated_rates
  from (select NEW.listing_id) unit
  left join app_public.listing_rates r on r.listing_id = unit.listing_id
  left join app_public.currencies c on c.code = r.currency;
  return NEW;
end
$$;

create or replace trigger _110_copy_rates
  before insert on app_hidden.listing_availability
  for each row execute function app_hidden.tg_listing_availability__copy_rates();

comment on function app_hidden.tg_listing_availability__copy_rates() is
  'Gives a new unit the rates of its listing.';
