create or replace function app_hidden.tg_listings__sync_availability() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_hidden.listing_availability as a (
    listing_id, unit_number, min_nights, max_nights, advance_notice_hours,
    booking_window_days, preparation_days, check_in_from, time_zone
  )
  select NEW.id, n, NEW.min_nights, NEW.max_nights, NEW.advance_notice_hours,
    NEW.booking_window_days, NEW.preparation_days, NEW.check_in_from, NEW.time_zone
  from generate_series(1, NEW.unit_count) n
  order by n
  on conflict on constraint listing_availability_pkey do update
    set min_nights = excluded.min_nights, max_nights = excluded.max_nights,
        advance_notice_hours = excluded.advance_notice_hours,
        booking_window_days = excluded.booking_window_days,
        preparation_days = excluded.preparation_days,
        check_in_from = excluded.check_in_from, time_zone = excluded.time_zone;
  return null;
end
$$;

create or replace trigger _300_sync_availability
  after insert or update of unit_count, min_nights, max_nights, advance_notice_hours,
    booking_window_days, preparation_days, check_in_from, time_zone
  on app_public.listings
  for each row execute function app_hidden.tg_listings__sync_availability();

comment on function app_hidden.tg_listings__sync_availability() is
  'Gives each unit its guard row and copies the listing''s restrictions there.';
