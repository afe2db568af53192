/*
 * Every reason why a stay cannot be booked, not only the first: a client shows them all. An empty
 * answer means that it can be quoted, and booked or asked for now, at a total that a card can be
 * charged. Holds that are over do not count as taken.
 */
create or replace function app_public.bookability(
  listing_id uuid, check_in date, check_out date, guests integer,
  children integer default 0, infants integer default 0, pets integer default 0
) returns setof app_public.bookability_reason
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_today date;
  v_nights integer;
  v_price record;
begin
  perform app_hidden.check_stay(bookability.check_in, bookability.check_out, bookability.guests);
  perform app_hidden.check_party(
    bookability.guests, bookability.children, bookability.infants, bookability.pets
  );
  v_nights := bookability.check_out - bookability.check_in;
  select l.* into v_listing from app_public.listings l where l.id = bookability.listing_id;
  if v_listing.id is null or (
    v_listing.status <> 'published'
    and v_listing.host_id is distinct from app_public.current_user_id()
  ) then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  v_today := app_hidden.local_today(v_listing.time_zone);
  -- Of more guests than fit no price is asked: it could be more than a number can hold.
  select p.* into v_price from app_hidden.price_stay(
    v_listing.id, bookability.check_in, bookability.check_out,
    least(bookability.guests, v_listing.max_guests), only_free => false, pets => bookability.pets
  ) p;

  return query
  select r.code, r.rule
  from (values
    ('not_published', v_listing.status <> 'published', v_listing.status::text),
    ('own_listing', v_listing.status = 'published'
      and v_listing.host_id = app_public.current_user_id(), null),
    ('no_rates', v_price is null, null),
    ('in_the_past', bookability.check_in < v_today, v_today::text),
    ('min_nights', v_nights < v_listing.min_nights, v_listing.min_nights::text),
    ('max_nights', v_nights > v_listing.max_nights, v_listing.max_nights::text),
    ('booking_window', bookability.check_in > v_today + v_listing.booking_window_days,
      v_listing.booking_window_days::text),
    ('advance_notice', v_listing.advance_notice_hours > 0
      and (bookability.check_in + v_listing.check_in_from) at time zone v_listing.time_zone
        < app_hidden.clock() + v_listing.advance_notice_hours * interval '1 hour',
      v_listing.advance_notice_hours::text)
  ) as r (code, applies, rule)
  where r.applies
  union all
  select f.code, f.rule
  from app_hidden.party_faults(
    v_listing, bookability.guests, bookability.children, bookability.infants, bookability.pets
  ) f
  union all
  select r.code, r.rule
  from (values
    ('nights_taken', not exists (
      select from app_hidden.free_units(
        v_listing.id,
        app_hidden.claim_window(
          bookability.check_in, bookability.check_out, v_listing.preparation_days
        )
      )
    ), null),
    ('total_too_low', v_price.total_amount < v_price.minimum_charge_amount,
      v_price.minimum_charge_amount::text),
    ('total_too_high', v_price.total_amount > v_price.maximum_charge_amount,
      v_price.maximum_charge_amount::text)
  ) as r (code, applies, rule)
  where r.applies;
end
$$;

grant execute on function app_public.bookability(
  uuid, date, date, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.bookability(
  uuid, date, date, integer, integer, integer, integer
) is 'Every reason why a stay cannot be booked; empty when it can.';
