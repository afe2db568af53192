/*
 * Whether some unit could take these nights: none of its live claims is in the way, holds past
 * their time aside (claim_nights would free them).
 */
create or replace function app_hidden.has_free_unit(listing_id uuid, nights daterange)
returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_hidden.listing_availability a
    where a.listing_id = has_free_unit.listing_id
      and (
        not a.taken && has_free_unit.nights
        or not exists (
          select from app_public.calendar_claims c
          where c.listing_id = a.listing_id and c.unit_number = a.unit_number
            and c.nights && has_free_unit.nights
            and (c.expires_at is null or c.expires_at > app_hidden.clock())
        )
      )
  )
$$;

comment on function app_hidden.has_free_unit(uuid, daterange) is
  'Whether some unit can take these nights, expired holds aside.';
