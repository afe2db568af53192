create or replace function app_hidden.confirmed_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id() and b.status in ('confirmed', 'completed')
$$;

grant execute on function app_hidden.confirmed_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.confirmed_listing_ids() is
  'Listings where whoever is signed in has a confirmed stay, past ones included.';
