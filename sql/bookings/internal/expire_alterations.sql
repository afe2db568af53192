/*
 * Ends the accepted changes of a listing's stays whose difference was not paid in time, and frees
 * what they held. One whose payment is being processed has a day more. Returns how many. The caller
 * holds the locks on the units.
 */
create or replace function app_hidden.expire_alterations(
  listing_id uuid, unit_number smallint, nights daterange
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended integer;
begin
  with over as (
    update app_public.alterations a
    set status = 'expired', status_actor = 'system',
        reason = 'The difference was not paid in time.'
    from app_public.calendar_claims c
    where c.alteration_id = a.id and a.status = 'accepted'
      and c.listing_id = expire_alterations.listing_id
      and coalesce(c.expires_at, a.expires_at + interval '1 day') <= app_hidden.clock()
      and c.unit_number = coalesce(expire_alterations.unit_number, c.unit_number)
      and (expire_alterations.nights is null or c.nights && expire_alterations.nights)
    returning a.id
  )
  select count(distinct o.id) into v_ended from over o;
  delete from app_public.calendar_claims c
  using app_public.alterations a
  where c.alteration_id = a.id and c.listing_id = expire_alterations.listing_id
    and a.status = 'expired';
  return v_ended;
end
$$;

comment on function app_hidden.expire_alterations(uuid, smallint, daterange) is
  'Ends changes of stays that nobody paid in time, and frees what they held; says how many.';
