/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms, or asks the
 * host where the listing takes requests. The offer stands as it was made, price and restrictions;
 * but no other party is let in than the listing takes by now, which may be a matter of safety.
 *
 * The guest's row is locked first. So calls of one guest run one after the other: a repeated call
 * finds the booking of the first by its key, and the limit of holds is exact. Locks: the guest,
 * then the unit (claim_nights), then the new booking.
 */
create or replace function app_public.create_booking(quote_id uuid, idempotency_key text)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_hold constant interval := '15 minutes';
  v_user_id uuid := app_hidden.require_user_id();
  v_booking_id uuid := uuidv7();
  v_booking app_public.bookings;
  v_quote app_public.quotes;
  v_listing app_public.listings;
  v_claim app_public.calendar_claims;
  v_fault app_public.bookability_reason;
begin
  if length(coalesce(create_booking.idempotency_key, '')) not between 8 and 200 then
    raise exception 'Choose an idempotency key of 8 to 200 characters, such as a random UUID.'
      using errcode = 'SBB02', column = 'idempotency_key';
  end if;
  perform app_hidden.lock_guest(v_user_id);
  select b.* into v_booking from app_public.bookings b
  where b.guest_id = v_user_id and b.idempotency_key = create_booking.idempotency_key;
  if v_booking.quote_id <> create_booking.quote_id then
    raise exception 'This idempotency key was used for another quote; choose a new one.'
      using errcode = 'SBB03', column = 'idempotency_key';
  end if;
  if v_booking.id is not null then
    return v_booking;
  end if;

  select q.* into v_quote from app_public.quotes q
  where q.id = create_booking.quote_id and q.guest_id = v_user_id;
  if v_quote.id is null then
    raise exception 'There is no such quote.' using errcode = 'SBP01', column = 'quote_id';
  end if;
  if v_quote.expires_at <= app_hidden.clock() then
    raise exception 'The quote has expired; ask for a new one.'
      using errcode = 'SBP02', column = 'quote_id';
  end if;
  select l.* into v_listing from app_public.listings l where l.id = v_quote.listing_id;
  if v_listing.status <> 'published' then
    raise exception 'This listing is not open for bookings.'
      using errcode = 'SBL01', column = 'quote_id';
  end if;

  select f.* into v_fault
  from app_hidden.party_faults(
    v_listing, v_quote.guests, v_quote.children, v_quote.infants, v_quote.pets
  ) f limit 1;
  perform app_hidden.refuse_party(v_fault, 'quote_id');
  if v_quote.check_in < app_hidden.local_today(v_listing.time_zone) then
    raise exception 'Check-in is in the past by now; ask for a new quote.'
      using errcode = 'SBC03', column = 'quote_id';
  end if;
  perform app_hidden.require_hold_quota(v_user_id);
  if exists (select from app_public.bookings b where b.quote_id = v_quote.id) then
    raise exception 'The quote is booked already.' using errcode = 'SBP03', column = 'quote_id';
  end if;

  v_claim := app_hidden.claim_nights(
    v_quote.listing_id,
    app_hidden.claim_window(v_quote.check_in, v_quote.check_out, v_listing.preparation_days),
    'hold',
    booking_id => v_booking_id,
    expires_at => app_hidden.clock() + c_hold
  );
  -- The lock may have been waited for: somebody may have closed the listing, or taken it over.
  select l.* into v_listing from app_public.listings l where l.id = v_quote.listing_id;
  if v_listing.status <> 'published' then
    raise exception 'This listing is not open for bookings.'
      using errcode = 'SBL01', column = 'quote_id';
  end if;
  insert into app_public.bookings (
    id, listing_id, unit_number, host_id, guest_id, quote_id, idempotency_key,
    check_in, check_out, guests, children, infants, pets, currency, total_amount, host_amount,
    platform_amount,
    cancellation_policy, time_zone, hold_expires_at, check_in_from, house_rules, booking_mode
  )
  values (
    v_booking_id, v_quote.listing_id, v_claim.unit_number, v_listing.host_id, v_user_id,
    v_quote.id, create_booking.idempotency_key, v_quote.check_in, v_quote.check_out,
    v_quote.guests, v_quote.children, v_quote.infants, v_quote.pets, v_quote.currency,
    v_quote.total_amount, v_quote.host_amount, v_quote.platform_amount,
    v_quote.cancellation_policy, v_listing.time_zone,
    v_claim.expires_at, v_listing.check_in_from, v_listing.house_rules, v_listing.booking_mode
  )
  returning * into v_booking;
  return v_booking;
end
$$;

grant execute on function app_public.create_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.create_booking(uuid, text) is
  'Books a quote as it stands and holds the nights for 15 minutes; pay by POST '
  '/v1/bookings/{id}/payment. Where the listing takes requests, paying sets the money aside, and '
  'the host accepts or declines. A repeated call with the same key returns the same booking.';
