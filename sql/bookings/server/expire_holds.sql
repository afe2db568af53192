/*
 * The job that expires holds on listings that nobody asks for: some listings a call, in the order
 * of their ids, so that two of these cannot deadlock. Each listing has a savepoint of its own: one
 * that fails is reported as a warning and left, and the others go on. Returns how many bookings
 * expired; call it until that is 0.
 */
create or replace function app_private.expire_holds(listing_limit integer default 50)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_of_listing integer;
  v_expired integer := 0;
begin
  for v_listing_id in
    select l.listing_id from (
      select c.listing_id from app_public.calendar_claims c
      where c.expires_at <= app_hidden.clock()
      union
      -- The bank has had a day to decide.
      select c.listing_id from app_public.calendar_claims c
      join app_public.bookings b on b.id = c.booking_id
      where c.kind = 'hold' and c.expires_at is null and c.alteration_id is null
        and b.hold_expires_at <= app_hidden.clock() - interval '1 day'
      union
      select c.listing_id from app_public.calendar_claims c
      join app_public.alterations a on a.id = c.alteration_id
      where c.expires_at is null and a.expires_at <= app_hidden.clock() - interval '1 day'
      limit expire_holds.listing_limit
    ) l
    order by l.listing_id
  loop
    begin
      v_of_listing := app_hidden.expire_listing_holds(v_listing_id);
      -- What is checked at commit is checked here, or it would end the whole batch.
      set constraints all immediate;
      v_expired := v_expired + v_of_listing;
    exception
      when others then
        raise warning 'The holds of listing % were not expired: %.', v_listing_id, sqlstate;
    end;
    set constraints all deferred;
  end loop;
  return v_expired;
end
$$;

grant execute on function app_private.expire_holds(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.expire_holds(integer) is
  'Expires bookings whose hold is over, some listings a call; says how many.';
