/*
 * Keeps the projection in the same transaction as its cause. Drafts cost one look at the status.
 */
create or replace function app_hidden.tg__refresh_search() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
begin
  if TG_TABLE_NAME = 'listings' then
    v_listing_id := NEW.id;
    if NEW.status <> 'published' and OLD.status <> 'published' then
      return null;
    end if;
  else
    v_listing_id := coalesce(NEW.listing_id, OLD.listing_id);
    if not exists (
      select from app_public.listings l where l.id = v_listing_id and l.status = 'published'
    ) then
      return null;
    end if;
  end if;
  perform app_hidden.refresh_search(v_listing_id);
  return null;
end
$$;

create or replace trigger _700_refresh_search
  after update of status, type, max_guests, booking_mode, public_longitude, public_latitude,
    review_count, review_rating_sum, unit_count, min_nights, max_nights, advance_notice_hours,
    booking_window_days, preparation_days, check_in_from, time_zone
  on app_public.listings
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_public.dated_rates
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or delete on app_public.listing_amenities
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or delete on app_public.listing_photos
  for each row execute function app_hidden.tg__refresh_search();

create or replace trigger _700_refresh_search
  after insert or update or delete on app_hidden.imported_review_scores
  for each row execute function app_hidden.tg__refresh_search();

comment on function app_hidden.tg__refresh_search() is
  'Brings the search projection up to date with a listing.';
