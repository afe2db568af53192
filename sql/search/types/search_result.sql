do $$
begin
  create type app_public.search_result as (
    listing_id uuid,
    longitude double precision,
    latitude double precision,
    currency text,
    nightly_floor_amount bigint,
    nights integer,
    total_amount bigint,
    cursor text,
    booking_mode app_public.booking_mode
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.search_result is
  'A listing that was found, with its price for the dates.';
comment on column app_public.search_result.listing_id is 'The listing.';
comment on column app_public.search_result.longitude is 'Degrees east of its public place.';
comment on column app_public.search_result.latitude is 'Degrees north of its public place.';
comment on column app_public.search_result.currency is 'ISO 4217 currency of the amounts.';
comment on column app_public.search_result.nightly_floor_amount is
  'The lowest rate of a night that can be booked from today on, before fees, in minor units.';
comment on column app_public.search_result.nights is 'Nights of the stay; null without dates.';
comment on column app_public.search_result.total_amount is
  'What the guest would pay for the stay, all fees included, exactly as quoted, in minor units; '
  'null without dates.';
comment on column app_public.search_result.booking_mode is
  'Whether the guest books at once, or the host is asked first.';
comment on column app_public.search_result.cursor is 'Give it as after to get what follows.';
