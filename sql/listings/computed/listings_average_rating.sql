create or replace function app_public.listings_average_rating(listing app_public.listings)
returns numeric
language sql stable
return round(listing.review_rating_sum::numeric / nullif(listing.review_count, 0), 2);

grant execute on function app_public.listings_average_rating(app_public.listings)
  to :DATABASE_VISITOR;

comment on function app_public.listings_average_rating(app_public.listings) is
  'Average overall rating from 1 to 5 with two decimals; null before the first review.';
