/*
 * Both sides agree. Where nothing is to be paid, the stay changes at once. Else the nights that are
 * missing are held beside those of the stay until the guest has paid the difference, or a saved
 * card was charged for it where the guest has said so: a day at most, and never longer than the
 * stay as it is, or until the new one begins. The caller holds the locks on units and booking.
 */
create or replace function app_hidden.settle_alteration(
  booking app_public.bookings, alteration app_public.alterations,
  actor app_public.booking_actor
) returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alteration app_public.alterations;
  v_until timestamptz := least(
    app_hidden.clock() + interval '24 hours',
    booking.check_out::timestamp at time zone booking.time_zone
  );
  v_begins timestamptz := alteration.check_in::timestamp at time zone booking.time_zone;
begin
  if alteration.check_in <> booking.check_in and booking.checked_in_at is not null then
    raise exception 'The guest has arrived by now: the first night stays as it is.'
      using errcode = 'SBC03', column = 'alteration_id';
  end if;
  if alteration.difference_amount <= 0 then
    return app_hidden.apply_alteration(booking, alteration, actor);
  end if;
  if alteration.check_in <> booking.check_in then
    v_until := least(v_until, greatest(v_begins, app_hidden.clock() + interval '15 minutes'));
  end if;
  update app_public.alterations a
  set status = 'accepted', status_actor = settle_alteration.actor, expires_at = v_until
  where a.id = alteration.id
  returning * into v_alteration;
  perform app_hidden.claim_nights(
    booking.listing_id, n.nights, 'hold', booking_id => booking.id,
    unit_number => n.unit_number, expires_at => v_until, alteration_id => alteration.id
  )
  from app_hidden.alteration_nights(booking, alteration.check_in, alteration.check_out) n;
  if v_alteration.charge_saved_card then
    perform app_hidden.add_job(
      'alteration__charge',
      jsonb_build_object('alterationId', v_alteration.id),
      'alteration__charge:' || v_alteration.id
    );
  end if;
  return v_alteration;
end
$$;

comment on function app_hidden.settle_alteration(
  app_public.bookings, app_public.alterations, app_public.booking_actor
) is 'Changes a stay that both sides agree on, or waits for its payment.';
