-- A hold that ended unpaid gives no lasting right: anybody could have one for nothing.
create or replace function app_hidden.booked_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id()
    and (b.confirmed_at is not null or b.status in ('pending_payment', 'requested', 'accepted'))
$$;

grant execute on function app_hidden.booked_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.booked_listing_ids() is
  'Listings that whoever is signed in has booked, past and cancelled stays included.';
