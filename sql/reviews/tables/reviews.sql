/*
 * What people say of each other after a stay. Guests rate the stay, hosts the guest: one a booking
 * and direction. An unpublished review (published_at null) is invisible to the other side, which is
 * how both can be written blind; today a guest's review is published at once.
 */
create table if not exists app_public.reviews (
  id uuid not null default uuidv7() constraint reviews_pkey primary key,
  booking_id uuid not null
    constraint reviews_booking_id_fkey references app_public.bookings on delete restrict,
  listing_id uuid not null
    constraint reviews_listing_id_fkey references app_public.listings on delete restrict,
  direction app_public.review_direction not null,
  author_id uuid not null
    constraint reviews_author_id_fkey references app_public.users on delete restrict,
  subject_id uuid not null
    constraint reviews_subject_id_fkey references app_public.users on delete restrict,
  rating smallint not null,
  cleanliness_rating smallint,
  accuracy_rating smallint,
  check_in_rating smallint,
  communication_rating smallint,
  location_rating smallint,
  value_rating smallint,
  comment app_public.prose not null,
  published_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),

  -- One review a booking and direction.
  constraint reviews_booking_id_key unique (booking_id, direction),
  constraint reviews_rating_fits check (rating between 1 and 5),
  constraint reviews_cleanliness_rating_fits check (cleanliness_rating between 1 and 5),
  constraint reviews_accuracy_rating_fits check (accuracy_rating between 1 and 5),
  constraint reviews_check_in_rating_fits check (check_in_rating between 1 and 5),
  constraint reviews_communication_rating_fits check (communication_rating between 1 and 5),
  constraint reviews_location_rating_fits check (location_rating between 1 and 5),
  constraint reviews_value_rating_fits check (value_rating between 1 and 5),
  constraint reviews_comment_has_length check (length(btrim(comment)) between 1 and 5000)
);

alter table app_public.reviews enable row level security;
alter table app_public.reviews force row level security;

-- The reviews of a listing, newest first.
create index if not exists reviews_listing_id_idx on app_public.reviews (listing_id, id);
create index if not exists reviews_author_id_idx on app_public.reviews (author_id);
create index if not exists reviews_subject_id_idx on app_public.reviews (subject_id);

create or replace trigger _600_created
  after insert on app_public.reviews
  for each row execute function
    app_hidden.tg__append_event('review.created', 'id', 'booking_id', 'listing_id');

create or replace trigger _610_published
  after insert on app_public.reviews
  for each row when (NEW.published_at is not null)
  execute function
    app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

create or replace trigger _620_published
  after update of published_at on app_public.reviews
  for each row when (OLD.published_at is null and NEW.published_at is not null)
  execute function
    app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

create or replace trigger _750_tell_change
  after insert or update or delete on app_public.reviews
  for each row execute function app_hidden.tg__tell_change('listing', 'listing_id');

comment on table app_public.reviews is 'What a guest says of a stay, or a host of a guest.';
comment on column app_public.reviews.id is 'Public id of the review.';
comment on column app_public.reviews.booking_id is 'The stay it is about.';
comment on column app_public.reviews.listing_id is 'Where the stay was.';
comment on column app_public.reviews.direction is 'Who reviews whom.';
comment on column app_public.reviews.author_id is 'Who wrote it.';
comment on column app_public.reviews.subject_id is 'Who it is about: the host, or the guest.';
comment on column app_public.reviews.rating is 'Overall, 1 to 5.';
comment on column app_public.reviews.cleanliness_rating is '1 to 5, or null.';
comment on column app_public.reviews.accuracy_rating is '1 to 5, or null.';
comment on column app_public.reviews.check_in_rating is '1 to 5, or null.';
comment on column app_public.reviews.communication_rating is '1 to 5, or null.';
comment on column app_public.reviews.location_rating is '1 to 5, or null.';
comment on column app_public.reviews.value_rating is '1 to 5, or null.';
comment on column app_public.reviews.comment is 'Public text of 1 to 5000 characters.';
comment on column app_public.reviews.published_at is 'When everybody could read it first.';
comment on column app_public.reviews.created_at is 'When it was written.';

-- What a client is told: the code, and the sentence.
comment on constraint reviews_booking_id_key on app_public.reviews is
  'ALREADY_REVIEWED: This stay is reviewed already.';
comment on constraint reviews_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_cleanliness_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_accuracy_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_check_in_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_communication_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_location_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_value_rating_fits on app_public.reviews is
  'INVALID_RATING: Rate from 1 to 5.';
comment on constraint reviews_comment_has_length on app_public.reviews is
  'INVALID_INPUT: A review has 1 to 5000 characters.';
