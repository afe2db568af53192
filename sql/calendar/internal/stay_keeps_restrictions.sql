/*
 * Whether a stay keeps to what a unit demands, nights aside. Inlined into search, so that search
 * and booking cannot disagree; bookability() gives the same rules their names.
 *
 * Looking up a time zone costs more than all the rest, and search does this for each candidate. No
 * local date is more than two days from another one's, and no notice is longer than 14 days: a
 * check-in that is clear of both ends by so much is allowed wherever the listing is.
 */
create or replace function app_hidden.stay_keeps_restrictions(
  unit app_hidden.listing_availability, check_in date, check_out date
) returns boolean
language sql stable parallel safe
return check_out - check_in between unit.min_nights and unit.max_nights
  and (
    check_in - app_hidden.clock()::date between 17 and unit.booking_window_days - 2
    or (
      check_in - app_hidden.local_today(unit.time_zone)
        between 0 and unit.booking_window_days
      and (
        unit.advance_notice_hours = 0
        or (check_in + unit.check_in_from) at time zone unit.time_zone
          >= app_hidden.clock() + unit.advance_notice_hours * interval '1 hour'
      )
    )
  );

comment on function app_hidden.stay_keeps_restrictions(
  app_hidden.listing_availability, date, date
) is
  'Whether a stay keeps to a unit''s restrictions.';
