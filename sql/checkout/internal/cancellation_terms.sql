/*
 * What cancelling a booking now does to its money. A host who cancels gives all back; the operator
 * may say how much; for all others the policy decides. The lines say what is due. What goes back is
 * at most what host and platform still hold of the booking: what was given back or promised before
 * is not given twice.
 */
create or replace function app_hidden.cancellation_terms(
  booking app_public.bookings, actor app_public.booking_actor, percent integer default null
) returns app_public.cancellation_terms
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_terms app_public.cancellation_terms;
  v_cleaning_percent integer;
  v_host_holds bigint := app_hidden.booking_balance(booking.id, 'host_payable');
  v_left bigint := v_host_holds + app_hidden.booking_balance(booking.id, 'platform_revenue');
  v_due bigint;
  v_host_keeps bigint;
begin
  if booking.status = 'accepted' then
    raise exception 'The money is being taken right now; try again when it has been.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if booking.status not in ('pending_payment', 'requested', 'confirmed') then
    raise exception 'A booking that is % cannot be cancelled.', booking.status
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  if booking.status <> 'confirmed' then
    v_terms.basis := 'not_charged';
    v_terms.nights_percent := 0;
    v_cleaning_percent := 0;
  elsif cancellation_terms.percent is not null then
    v_terms.basis := 'operator_decides';
    v_terms.nights_percent := cancellation_terms.percent;
    v_cleaning_percent := cancellation_terms.percent;
  elsif cancellation_terms.actor = 'host' then
    v_terms.basis := 'host_cancels';
    v_terms.nights_percent := 100;
    v_cleaning_percent := 100;
  else
    select r.basis, r.nights_percent, r.cleaning_percent, r.holds_until
    into v_terms.basis, v_terms.nights_percent, v_cleaning_percent, v_terms.holds_until
    from app_hidden.policy_refund(booking) r;
  end if;

  select
    coalesce(array_agg(l), '{}'),
    coalesce(sum(l.refund_amount) filter (where l.payer = 'guest'), 0),
    coalesce(
      sum(case when l.payer = 'host' then -l.kept_amount else l.kept_amount end)
        filter (where 'host' in (l.payer, l.payee)),
      0
    )
  into v_terms.line_items, v_due, v_host_keeps
  from app_hidden.cancellation_lines(
    booking, v_terms.basis, v_terms.nights_percent, v_cleaning_percent
  ) l
  where v_terms.basis <> 'not_charged';

  v_terms.booking_id := booking.id;
  v_terms.policy := booking.cancellation_policy;
  v_terms.currency := booking.currency;
  v_terms.paid_amount := (
    select coalesce(sum(p.captured_amount), 0) from app_public.payments p
    where p.booking_id = booking.id
  );
  v_terms.refunded_before_amount := v_terms.paid_amount - v_left;
  v_terms.refund_amount := least(v_due, v_left);
  v_terms.kept_amount := v_left - v_terms.refund_amount;
  v_terms.host_amount := least(v_host_keeps, v_host_holds);
  v_terms.platform_amount := v_terms.kept_amount - v_terms.host_amount;
  return v_terms;
end
$$;

comment on function app_hidden.cancellation_terms(
  app_public.bookings, app_public.booking_actor, integer
) is 'What cancelling a booking now gives back and leaves, line by line.';
