/*
 * For a week after check-out the address stays readable, for what was left behind; later it, and
 * what the host writes there for other guests, is none of a past guest's business.
 */
create or replace function app_hidden.confirmed_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id() and b.status in ('confirmed', 'completed')
    and b.check_out > app_hidden.local_today(b.time_zone) - 7
$$;

grant execute on function app_hidden.confirmed_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.confirmed_listing_ids() is
  'Listings where whoever is signed in has a confirmed stay, until a week after check-out.';
