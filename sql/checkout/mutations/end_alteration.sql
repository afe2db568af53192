/*
 * One side ends a change: who proposed it, or has accepted it, withdraws; the other declines. While
 * a bank decides on the difference nobody knows whether it is paid: then it is refused. Locks: the
 * units, then the booking.
 */
create or replace function app_public.end_alteration(alteration_id uuid, reason text default '')
returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings :=
    app_hidden.require_alterations_booking(end_alteration.alteration_id);
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_reason app_public.prose := btrim(coalesce(end_alteration.reason, ''));
  v_alteration app_public.alterations :=
    app_hidden.require_open_alteration(end_alteration.alteration_id);
begin
  if length(v_reason) > 1000 then
    raise exception 'A reason has at most 1000 characters.'
      using errcode = 'SBG04', column = 'reason';
  end if;
  if exists (
    select from app_public.payments p
    where p.booking_id = v_booking.id and p.purpose = 'alteration' and p.status = 'processing'
  ) then
    raise exception 'The bank decides on the payment right now; try again when it has.'
      using errcode = 'SBB08', column = 'alteration_id';
  end if;
  update app_public.alterations a
  set status = case
        when v_alteration.status = 'proposed' and v_alteration.proposed_by <> v_actor
          then 'declined'
        else 'withdrawn'
      end::app_public.alteration_status,
      status_actor = v_actor, reason = v_reason
  where a.id = v_alteration.id
  returning * into v_alteration;
  delete from app_public.calendar_claims c where c.alteration_id = v_alteration.id;
  return v_alteration;
end
$$;

grant execute on function app_public.end_alteration(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.end_alteration(uuid, text) is
  'Declines what the other side has proposed, or withdraws what one has proposed or accepted and '
  'nobody has paid yet. The stay remains as it is.';
