/*
 * A guest or a host proposes another stay in place of a sold one. It is priced now, and that price
 * stands while the proposal does: 24 hours, and no longer than the stay. Where the host's setting
 * accepts changes, a guest's is accepted at once that keeps to the listing's rules and costs no
 * less. Locks: the key, the units, then the booking.
 */
create or replace function app_public.propose_alteration(
  booking_id uuid, idempotency_key text, check_in date, check_out date, guests integer,
  children integer default null, infants integer default null, pets integer default null,
  charge_saved_card boolean default false
) returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(propose_alteration.booking_id);
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_once record;
  v_asked app_hidden.asked_stay;
  v_quote app_public.quotes;
  v_alteration app_public.alterations;
  v_until timestamptz;
begin
  if v_actor = 'host' and propose_alteration.charge_saved_card then
    raise exception 'Only a guest says that the guest''s card is charged.'
      using errcode = 'SBG02', column = 'charge_saved_card';
  end if;
  v_once := app_hidden.begin_once(
    propose_alteration.idempotency_key, 'propose_alteration',
    jsonb_build_object(
      'id', v_booking.id, 'checkIn', propose_alteration.check_in,
      'checkOut', propose_alteration.check_out, 'guests', propose_alteration.guests
    ) || jsonb_strip_nulls(jsonb_build_object(
      'children', propose_alteration.children, 'infants', propose_alteration.infants,
      'pets', propose_alteration.pets,
      'chargeSavedCard', nullif(propose_alteration.charge_saved_card, false)
    ))
  );
  if v_once.ran_before then
    select a.* into v_alteration from app_public.alterations a where a.id = v_once.result_id;
    return v_alteration;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  update app_public.alterations a
  set status = 'expired', status_actor = 'system', reason = 'Nobody answered in time.'
  where a.booking_id = v_booking.id and a.status = 'proposed'
    and a.expires_at <= app_hidden.clock();
  v_asked := (
    propose_alteration.check_in, propose_alteration.check_out, propose_alteration.guests,
    coalesce(propose_alteration.children, v_booking.children),
    coalesce(propose_alteration.infants, v_booking.infants),
    coalesce(propose_alteration.pets, v_booking.pets)
  );
  perform app_hidden.require_alterable(v_booking, v_asked);
  perform app_hidden.alteration_nights(
    v_booking, propose_alteration.check_in, propose_alteration.check_out
  );
  v_until := least(
    app_hidden.clock() + interval '24 hours',
    v_booking.check_out::timestamp at time zone v_booking.time_zone
  );
  v_quote := app_hidden.quote_alteration(v_booking, v_asked, v_until);
  insert into app_public.alterations (
    booking_id, sequence, quote_id, proposed_by, status_actor, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, old_check_in, old_check_out, old_guests,
    old_total_amount, old_host_amount, old_platform_amount, expires_at, charge_saved_card
  )
  values (
    v_booking.id,
    1 + (select count(*) from app_public.alterations a where a.booking_id = v_booking.id),
    v_quote.id, v_actor, v_actor, v_quote.check_in, v_quote.check_out, v_quote.guests,
    v_quote.currency, v_quote.total_amount, v_quote.host_amount, v_quote.platform_amount,
    v_booking.check_in, v_booking.check_out, v_booking.guests, v_booking.total_amount,
    v_booking.host_amount, v_booking.platform_amount, v_until,
    coalesce(propose_alteration.charge_saved_card, false)
  )
  returning * into v_alteration;
  if v_actor = 'guest' and app_hidden.host_lets_alter(v_booking, v_alteration) then
    v_alteration := app_hidden.settle_alteration(v_booking, v_alteration, 'system');
  end if;
  perform app_hidden.end_once(propose_alteration.idempotency_key, v_alteration.id);
  return v_alteration;
end
$$;

grant execute on function app_public.propose_alteration(
  uuid, text, date, date, integer, integer, integer, integer, boolean
) to :DATABASE_VISITOR;

comment on function app_public.propose_alteration(
  uuid, text, date, date, integer, integer, integer, integer, boolean
) is
  'Proposes other dates or another party for a sold stay, for its guest or its host. '
  'The answer says what it costs more or less; the other side accepts or declines within 24 hours. '
  'To leave early is to propose an earlier check-out. A repeated call with the same key returns '
  'the same proposal.';
