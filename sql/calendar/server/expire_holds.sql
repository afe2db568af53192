/*
 * The job's way of freeing holds, for listings that nobody asks for: some listings a call, in the
 * order of their ids, so that two of these cannot deadlock. Returns how many holds ended; call it
 * until that is 0.
 */
create or replace function app_private.expire_holds(listing_limit integer default 50) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_freed integer := 0;
begin
  for v_listing_id in
    select l.listing_id from (
      select distinct c.listing_id from app_public.calendar_claims c
      where c.expires_at <= app_hidden.clock()
      limit expire_holds.listing_limit
    ) l
    order by l.listing_id
  loop
    v_freed := v_freed + app_hidden.free_expired_holds(v_listing_id);
  end loop;
  return v_freed;
end
$$;

grant execute on function app_private.expire_holds(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.expire_holds(integer) is
  'Frees the nights of expired holds, some listings a call; says how many holds ended.';
