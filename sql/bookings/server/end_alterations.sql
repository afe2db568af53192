/*
 * Ends changes of stays whose time is over and that hold no nights: proposals that nobody answered,
 * and accepted changes that nobody paid, where Stripe has ten minutes more to say so. Each has a
 * savepoint of its own: one that fails is reported as a warning and left, and the others go on.
 */
create or replace function app_private.end_alterations(alteration_limit integer default 500)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration record;
  v_ended integer := 0;
begin
  for v_alteration in
    select a.id, a.booking_id from app_public.alterations a
    where a.expires_at <= app_hidden.clock()
      and (a.status = 'proposed' or (
        a.status = 'accepted' and a.expires_at <= app_hidden.clock() - interval '10 minutes'
        and not exists (
          select from app_public.calendar_claims c where c.alteration_id = a.id
        )
      ))
    order by a.booking_id
    limit end_alterations.alteration_limit
  loop
    begin
      perform app_hidden.lock_booking(v_alteration.booking_id);
      update app_public.alterations a
      set status = 'expired', status_actor = 'system',
          reason = case a.status
            when 'proposed' then 'Nobody answered in time.'
            else 'The difference was not paid in time.'
          end
      where a.id = v_alteration.id and a.status in ('proposed', 'accepted');
      if found then
        v_ended := v_ended + 1;
      end if;
    exception
      when others then
        raise warning 'The change % was not ended: %.', v_alteration.id, sqlstate;
    end;
  end loop;
  return v_ended;
end
$$;

grant execute on function app_private.end_alterations(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_alterations(integer) is
  'Ends changes of stays that nobody answered or paid in time; says how many.';
