/*
 * The guest rates the stay, from the local check-out day on. The listing row is locked first, so
 * that two reviews of one listing count one after the other; weakly enough that bookings may go on.
 */
create or replace function app_public.submit_review(
  booking_id uuid,
  rating integer,
  comment text,
  cleanliness_rating integer default null,
  accuracy_rating integer default null,
  check_in_rating integer default null,
  communication_rating integer default null,
  location_rating integer default null,
  value_rating integer default null
) returns app_public.reviews
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_guest_booking(submit_review.booking_id);
  v_review app_public.reviews;
begin
  if v_booking.status not in ('confirmed', 'completed')
    or app_hidden.local_today(v_booking.time_zone) < v_booking.check_out
  then
    raise exception 'A stay can be reviewed from the day of check-out on.'
      using errcode = 'SBR01', column = 'booking_id';
  end if;
  if v_booking.no_show_at is not null then
    raise exception 'Nobody came to this stay: there is nothing to review.'
      using errcode = 'SBR01', column = 'booking_id';
  end if;
  if submit_review.rating is null or submit_review.rating not between 1 and 5 then
    raise exception 'Rate from 1 to 5.' using errcode = 'SBR03', column = 'rating';
  end if;

  perform app_hidden.lock_listing(v_booking.listing_id);
  insert into app_public.reviews (
    booking_id, listing_id, direction, author_id, subject_id, rating, comment,
    cleanliness_rating, accuracy_rating, check_in_rating, communication_rating,
    location_rating, value_rating, published_at
  )
  values (
    v_booking.id, v_booking.listing_id, 'guest_to_host', v_booking.guest_id, v_booking.host_id,
    submit_review.rating, btrim(coalesce(submit_review.comment, '')),
    submit_review.cleanliness_rating, submit_review.accuracy_rating,
    submit_review.check_in_rating, submit_review.communication_rating,
    submit_review.location_rating, submit_review.value_rating, app_hidden.clock()
  )
  on conflict on constraint reviews_booking_id_key do nothing
  returning * into v_review;
  if v_review.id is null then
    raise exception 'This stay is reviewed already.' using errcode = 'SBR02', column = 'booking_id';
  end if;
  return v_review;
end
$$;

grant execute on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) is 'Rates a stay after check-out: overall and, where given, by category, 1 to 5. Once a booking.';
