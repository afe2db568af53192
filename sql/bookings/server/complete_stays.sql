/*
 * Each stay is completed in a savepoint of its own: one that cannot be is reported as a warning and
 * left, and the others go on. A booking that somebody else holds is passed over. The job asks
 * count_stays_to_complete() for what is left, and comes again.
 */
create or replace function app_private.complete_stays(booking_limit integer default 500)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_id uuid;
  v_done integer := 0;
begin
  for v_booking_id in
    select b.id from app_public.bookings b
    where b.status = 'confirmed' and app_hidden.stay_is_over(b.check_out, b.time_zone)
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
