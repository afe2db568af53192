create or replace function app_hidden.tg_reviews__rate_listing() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.listings l
  set review_count = r.review_count, review_rating_sum = r.review_rating_sum
  from (
    select count(*)::integer as review_count, coalesce(sum(rating), 0)::integer as review_rating_sum
    from app_public.reviews
    where listing_id = coalesce(NEW.listing_id, OLD.listing_id)
      and direction = 'guest_to_host' and published_at is not null
  ) r
  where l.id = coalesce(NEW.listing_id, OLD.listing_id);
  return null;
end
$$;

create or replace trigger _500_rate_listing
  after insert or update or delete on app_public.reviews
  for each row execute function app_hidden.tg_reviews__rate_listing();

comment on function app_hidden.tg_reviews__rate_listing() is
  'Keeps the count and sum of published ratings on the listing.';
