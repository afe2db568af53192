/*
 * The other side accepts a change. Locks: the key, the units, then the booking.
 */
create or replace function app_public.accept_alteration(alteration_id uuid, idempotency_key text)
returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings :=
    app_hidden.require_alterations_booking(accept_alteration.alteration_id);
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_once record;
  v_alteration app_public.alterations;
begin
  v_once := app_hidden.begin_once(
    accept_alteration.idempotency_key, 'accept_alteration',
    jsonb_build_object('id', accept_alteration.alteration_id)
  );
  if v_once.ran_before then
    select a.* into v_alteration from app_public.alterations a where a.id = v_once.result_id;
    return v_alteration;
  end if;

  v_alteration := app_hidden.require_open_alteration(accept_alteration.alteration_id);
  if v_alteration.proposed_by = v_actor then
    raise exception 'The other side accepts what you have proposed.'
      using errcode = 'SBG02', column = 'alteration_id';
  end if;
  if v_alteration.status <> 'proposed' then
    raise exception 'This change is accepted already.'
      using errcode = 'SBB11', column = 'alteration_id';
  end if;
  select b.* into v_booking from app_public.bookings b where b.id = v_booking.id;
  v_alteration := app_hidden.settle_alteration(v_booking, v_alteration, v_actor);
  perform app_hidden.end_once(accept_alteration.idempotency_key, v_alteration.id);
  return v_alteration;
end
$$;

grant execute on function app_public.accept_alteration(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.accept_alteration(uuid, text) is
  'Accepts what the other side has proposed. Where the stay costs more, the guest pays the '
  'difference by POST /v1/bookings/{id}/payment, and it changes then; else it changes at once, and '
  'what it costs less goes back. A repeated call with the same key returns the same.';
