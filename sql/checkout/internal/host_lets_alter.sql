/*
 * Whether the host's setting accepts a guest's change: it keeps to the listing's restrictions, and
 * costs no less, for a stay that is made shorter gives money back that the policy would keep.
 */
create or replace function app_hidden.host_lets_alter(
  booking app_public.bookings, alteration app_public.alterations
) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select alteration.difference_amount >= 0 and exists (
    select from app_public.listings l
    join app_hidden.listing_availability u
      on u.listing_id = l.id and u.unit_number = booking.unit_number
    where l.id = booking.listing_id and l.status = 'published' and l.accepts_alterations
      and not exists (
        select from app_public.quotes q
        cross join lateral app_hidden.party_faults(l, q.guests, q.children, q.infants, q.pets) f
        where q.id = alteration.quote_id
      )
      and app_hidden.stay_keeps_restrictions(u, alteration.check_in, alteration.check_out)
  )
$$;

comment on function app_hidden.host_lets_alter(app_public.bookings, app_public.alterations) is
  'Whether the host''s setting accepts a change at once.';
