--! Previous: sha1:37601a8ee16c6c773913e6dbac350e0c59ae3adb
--! Hash: sha1:61a7fa31b9af564579eeb2200d57157a6b974045
--! Message: let one bad row stop no batch

--! split: 1-current.sql
-- A batch treats each row in a savepoint of its own.
--! Included calendar/server/expire_holds.sql
/*
 * The job's way of freeing holds, for listings that nobody asks for: some listings a call, in the
 * order of their ids, so that two of these cannot deadlock. Each listing has a savepoint of its own:
 * one that fails is reported as a warning and left, and the others go on. Returns how many holds
 * ended; call it until that is 0.
 */
create or replace function app_private.expire_holds(listing_limit integer default 50) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_of_listing integer;
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
    begin
      v_of_listing := app_hidden.free_expired_holds(v_listing_id);
      -- What is checked at commit is checked here, or it would end the whole batch.
      set constraints all immediate;
      v_freed := v_freed + v_of_listing;
    exception
      when others then
        raise warning 'The expired holds of listing % were not freed: %.', v_listing_id, sqlstate;
    end;
    set constraints all deferred;
  end loop;
  return v_freed;
end
$$;

grant execute on function app_private.expire_holds(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.expire_holds(integer) is
  'Frees the nights of expired holds, some listings a call; says how many holds ended.';
--! EndIncluded calendar/server/expire_holds.sql
--! Included bookings/server/complete_stays.sql
/*
 * Each stay is completed in a savepoint of its own: one that cannot be is reported as a warning and
 * left, and the others go on. A booking that somebody else holds is passed over until the next run.
 */
create or replace function app_private.complete_stays(booking_limit integer default 500) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_id uuid;
  v_done integer := 0;
begin
  for v_booking_id in
    select b.id from app_public.bookings b
    where b.status = 'confirmed'
      -- Local dates differ by a day at most; the exact rule is the second condition.
      and b.check_out <= (app_hidden.clock() + interval '1 day')::date
      and b.check_out <= (app_hidden.clock() at time zone b.time_zone)::date
    order by b.id
    limit complete_stays.booking_limit
    for update skip locked
  loop
    begin
      update app_public.bookings b
      set status = 'completed', status_actor = 'system', status_reason = ''
      where b.id = v_booking_id;
      -- What is checked at commit is checked here, or it would end the whole batch.
      set constraints all immediate;
      v_done := v_done + 1;
    exception
      when others then
        raise warning 'The stay of booking % was not completed: %.', v_booking_id, sqlstate;
    end;
    set constraints all deferred;
  end loop;
  return v_done;
end
$$;

grant execute on function app_private.complete_stays(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.complete_stays(integer) is
  'Completes confirmed bookings from their check-out day on; says how many.';
--! EndIncluded bookings/server/complete_stays.sql
