/*
 * Frees the nights of holds past their time on one listing, within the given nights or anywhere;
 * their bookings expire by a trigger. Returns how many. A hold whose payment is being processed has
 * no expires_at and is left alone.
 *
 * Locks: availability of the listing, unit by unit, then claims, then (by the trigger) bookings.
 */
create or replace function app_hidden.free_expired_holds(listing_id uuid, nights daterange default null)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_freed integer;
begin
  -- Mostly there is none: then nothing is locked.
  if not exists (
    select from app_public.calendar_claims c
    where c.listing_id = free_expired_holds.listing_id
      and c.expires_at <= app_hidden.clock()
      and (free_expired_holds.nights is null or c.nights && free_expired_holds.nights)
  ) then
    return 0;
  end if;

  perform app_hidden.lock_units(free_expired_holds.listing_id);

  delete from app_public.calendar_claims c
  where c.listing_id = free_expired_holds.listing_id
    and c.expires_at <= app_hidden.clock()
    and (free_expired_holds.nights is null or c.nights && free_expired_holds.nights);
  get diagnostics v_freed = row_count;
  return v_freed;
end
$$;

comment on function app_hidden.free_expired_holds(uuid, daterange) is
  'Frees nights of expired holds of a listing; says how many holds ended.';
