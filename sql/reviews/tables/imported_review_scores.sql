/*
 * What another marketplace's guests thought, as imported with a listing. Not our reviews, and not
 * shown as such; it lets search order an imported city before it has reviews of its own.
 */
create table if not exists app_hidden.imported_review_scores (
  listing_id uuid not null
    constraint imported_review_scores_pkey primary key
    constraint imported_review_scores_listing_id_fkey
      references app_public.listings on delete cascade,
  review_count integer not null,
  rating numeric(4, 2),
  accuracy_rating numeric(4, 2),
  cleanliness_rating numeric(4, 2),
  check_in_rating numeric(4, 2),
  communication_rating numeric(4, 2),
  location_rating numeric(4, 2),
  value_rating numeric(4, 2),

  constraint imported_review_scores_count_is_not_negative check (review_count >= 0),
  constraint imported_review_scores_rating_fits check (rating between 0 and 5)
);

alter table app_hidden.imported_review_scores enable row level security;
alter table app_hidden.imported_review_scores force row level security;

comment on table app_hidden.imported_review_scores is
  'Review scores that came with an imported listing.';
