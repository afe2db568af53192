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
