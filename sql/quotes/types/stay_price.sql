do $$
begin
  create type app_public.stay_price as (
    listing_id uuid,
    check_in date,
    check_out date,
    guests integer,
    nights integer,
    currency text,
    total_amount bigint,
    host_amount bigint,
    line_items app_public.price_line[]
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.stay_price is 'What a stay costs now; not an offer, which a quote is.';
comment on column app_public.stay_price.listing_id is 'The listing.';
comment on column app_public.stay_price.check_in is 'First night, local date.';
comment on column app_public.stay_price.check_out is 'Day of leaving, local date.';
comment on column app_public.stay_price.guests is 'How many people stay.';
comment on column app_public.stay_price.nights is 'Number of nights.';
comment on column app_public.stay_price.currency is 'ISO 4217 currency.';
comment on column app_public.stay_price.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.stay_price.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.stay_price.line_items is 'What the total is made of.';
