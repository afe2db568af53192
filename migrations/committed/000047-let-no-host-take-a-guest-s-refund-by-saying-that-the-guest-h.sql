--! Previous: sha1:9328e3db268a81210dfd1a5710058d9b2f8d619c
--! Hash: sha1:1ec6855cbb26521d6e6cac8b5a2215146be25ac6
--! Message: let no host take a guest's refund by saying that the guest has arrived

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +3 -3   bookings/internal/policy_refund.sql
--   +4 -0   checkout/internal/settle_alteration.sql
-- (npm run db:commit wrote these lines.)

--! Included bookings/internal/policy_refund.sql
/*
 * What a guest who cancels now is given back under the policy of the booking. The times are those
 * at which the guest may arrive, on the day of check-in or so many days before, local to the
 * listing; who cancels at that instant is still in time. A guest who
 * says to have arrived before that has begun the stay; what the host says takes no money from them.
 *
 * The grace period, for every policy: a day after the booking was confirmed, where check-in is
 * still seven days off. The fees for cleaning and pets are given back until check-in.
 */
create or replace function app_hidden.policy_refund(
  booking app_public.bookings,
  out basis app_public.cancellation_basis,
  out nights_percent integer,
  out cleaning_percent integer,
  out holds_until timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := app_hidden.clock();
  v_check_in timestamptz := app_hidden.check_in_instant(booking, 0);
  v_grace_until timestamptz := least(
    booking.confirmed_at + interval '24 hours', app_hidden.check_in_instant(booking, 7)
  );
begin
  if v_now > v_check_in or booking.checked_in_by = 'guest' then
    basis := 'after_check_in';
    nights_percent := 0;
    cleaning_percent := 0;
    return;
  end if;
  cleaning_percent := 100;
  if v_now <= v_grace_until then
    basis := 'grace_period';
    nights_percent := 100;
    holds_until := v_grace_until;
    return;
  end if;
  basis := 'policy';
  select t.percent, app_hidden.check_in_instant(booking, t.days_before)
  into nights_percent, holds_until
  from app_public.cancellation_tiers t
  where t.policy = booking.cancellation_policy
    and v_now <= app_hidden.check_in_instant(booking, t.days_before)
  order by t.percent desc, t.days_before
  limit 1;
  nights_percent := coalesce(nights_percent, 0);
  holds_until := coalesce(holds_until, v_check_in);
end
$$;

comment on function app_hidden.policy_refund(app_public.bookings) is
  'What the policy of a booking gives back now, in percent, why, and until when.';
--! EndIncluded bookings/internal/policy_refund.sql
--! Included checkout/internal/settle_alteration.sql
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
--! EndIncluded checkout/internal/settle_alteration.sql
