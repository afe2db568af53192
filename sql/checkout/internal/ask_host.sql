/*
 * The money for a request is set aside: the host has 24 hours to answer, and never longer than
 * until the bank lets go of it (ten minutes are kept for taking it) or the stay begins. Where no
 * time is left, the request ends here, and its end releases the card. The caller holds the locks on
 * units and booking.
 */
create or replace function app_hidden.ask_host(
  booking app_public.bookings, authorised_until timestamptz
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_due_at timestamptz := least(
    app_hidden.clock() + interval '24 hours',
    ask_host.authorised_until - interval '10 minutes',
    app_hidden.check_in_instant(booking, 0)
  );
begin
  if v_due_at <= app_hidden.clock() then
    update app_public.bookings b
    set status = 'cancelled', status_actor = 'system', answer_due_at = v_due_at,
        status_reason = 'No time was left for the host to answer.'
    where b.id = booking.id;
    return;
  end if;
  update app_public.bookings b
  set status = 'requested', status_actor = 'system', status_reason = 'The card is authorised.',
      answer_due_at = v_due_at
  where b.id = booking.id;
  update app_public.calendar_claims c set expires_at = v_due_at
  where c.booking_id = booking.id and c.kind = 'hold';
end
$$;

comment on function app_hidden.ask_host(app_public.bookings, timestamptz) is
  'Makes a booking whose card is authorised a request that its host answers.';
