--! Previous: sha1:61a7fa31b9af564579eeb2200d57157a6b974045
--! Hash: sha1:276bfc3a221e312375bfba512fe08b9e40a7f7db
--! Message: let the booking expire, and its change free the nights

--! split: 1-current.sql
drop trigger _500_expire_booking on app_public.calendar_claims;
drop function app_hidden.tg_calendar_claims__expire_booking();
drop function app_hidden.has_free_unit(uuid, daterange);
drop function app_hidden.free_expired_holds(uuid, daterange);
drop function app_hidden.sell_stay(app_public.bookings);

--! Included calendar/internal/free_units.sql
/*
 * The units that could take these nights: no live claim is in the way. A hold past its time is not
 * live, for the claim that needs its nights ends it. Units come in the order in which to try them:
 * empty ones first, by number.
 */
create or replace function app_hidden.free_units(
  listing_id uuid, nights daterange, unit_number smallint default null
) returns setof smallint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.unit_number from app_hidden.listing_availability a
  where a.listing_id = free_units.listing_id
    and a.unit_number = coalesce(free_units.unit_number, a.unit_number)
    and (
      not a.taken && free_units.nights
      or not exists (
        select from app_public.calendar_claims c
        where c.listing_id = a.listing_id and c.unit_number = a.unit_number
          and c.nights && free_units.nights
          and (c.expires_at is null or c.expires_at > app_hidden.clock())
      )
    )
  order by a.taken && free_units.nights, a.unit_number
$$;

comment on function app_hidden.free_units(uuid, daterange, smallint) is
  'The units that can take these nights, in the order in which to try them.';
--! EndIncluded calendar/internal/free_units.sql
--! Included calendar/internal/claim_nights.sql
/*
 * The one function that takes nights; every writer uses it. Returns the claim, or raises
 * DATES_UNAVAILABLE.
 *
 * Empty units are tried first, in order, so that stays pack. A unit on which only expired holds are
 * in the way comes next: a trigger of bookings ends those holds before the claim is written. Where
 * every unit is taken, the caller has read a few rows and written nothing.
 */
create or replace function app_hidden.claim_nights(
  listing_id uuid,
  nights daterange,
  kind app_public.claim_kind,
  booking_id uuid default null,
  unit_number smallint default null,
  note text default '',
  expires_at timestamptz default null
) returns app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_unit_number smallint;
begin
  for v_unit_number in
    select u from app_hidden.free_units(
      claim_nights.listing_id, claim_nights.nights, claim_nights.unit_number
    ) u
  loop
    begin
      insert into app_public.calendar_claims
        (listing_id, unit_number, nights, kind, booking_id, note, expires_at)
      values (
        claim_nights.listing_id, v_unit_number, claim_nights.nights, claim_nights.kind,
        claim_nights.booking_id, claim_nights.note, claim_nights.expires_at
      )
      returning * into v_claim;
      return v_claim;
    exception
      -- Somebody was faster on this unit; the next one may still be free.
      when sqlstate 'SBC01' then null;
    end;
  end loop;
  raise exception 'These nights are taken.' using errcode = 'SBC01';
end
$$;

comment on function app_hidden.claim_nights(
  uuid, daterange, app_public.claim_kind, uuid, smallint, text, timestamptz
) is
  'Takes nights of the first unit that is free; DATES_UNAVAILABLE where none is.';
--! EndIncluded calendar/internal/claim_nights.sql
--! Included quotes/queries/bookability.sql
/*
 * Every reason why a stay cannot be booked, not only the first: a client shows them all. An empty
 * answer means that it can be booked now. Expired holds that nobody has freed yet do not count as
 * taken.
 */
create or replace function app_public.bookability(
  listing_id uuid, check_in date, check_out date, guests integer
) returns setof app_public.bookability_reason
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_today date;
  v_nights integer;
begin
  perform app_hidden.check_stay(bookability.check_in, bookability.check_out, bookability.guests);
  v_nights := bookability.check_out - bookability.check_in;
  select l.* into v_listing from app_public.listings l where l.id = bookability.listing_id;
  if v_listing.id is null or (
    v_listing.status <> 'published'
    and v_listing.host_id is distinct from app_public.current_user_id()
  ) then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  v_today := (app_hidden.clock() at time zone v_listing.time_zone)::date;

  return query
  select r.code, r.rule
  from (values
    ('not_published', v_listing.status <> 'published', v_listing.status::text),
    -- Until hosts can answer requests, these cannot be booked by anybody.
    ('not_instant', v_listing.booking_mode <> 'instant', v_listing.booking_mode::text),
    ('no_rates', not exists (
      select from app_public.listing_rates lr where lr.listing_id = v_listing.id
    ), null),
    ('in_the_past', bookability.check_in < v_today, v_today::text),
    ('min_nights', v_nights < v_listing.min_nights, v_listing.min_nights::text),
    ('max_nights', v_nights > v_listing.max_nights, v_listing.max_nights::text),
    ('booking_window', bookability.check_in > v_today + v_listing.booking_window_days,
      v_listing.booking_window_days::text),
    ('advance_notice', v_listing.advance_notice_hours > 0
      and (bookability.check_in + v_listing.check_in_from) at time zone v_listing.time_zone
        < app_hidden.clock() + v_listing.advance_notice_hours * interval '1 hour',
      v_listing.advance_notice_hours::text),
    ('too_many_guests', bookability.guests > v_listing.max_guests, v_listing.max_guests::text),
    ('nights_taken', not exists (
      select from app_hidden.free_units(
        v_listing.id,
        app_hidden.claim_window(
          bookability.check_in, bookability.check_out, v_listing.preparation_days
        )
      )
    ), null)
  ) as r (code, applies, rule)
  where r.applies;
end
$$;

grant execute on function app_public.bookability(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.bookability(uuid, date, date, integer) is
  'Every reason why a stay cannot be booked; empty when it can.';
--! EndIncluded quotes/queries/bookability.sql
--! Included bookings/triggers/tg_bookings__move_claim.sql
/*
 * The nights follow the booking: what is confirmed keeps them for good, what ends frees them. Whoever
 * changes the status has locked the units of the listing before the booking.
 */
create or replace function app_hidden.tg_bookings__move_claim() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if NEW.status = 'confirmed' then
    update app_public.calendar_claims c set kind = 'booking', expires_at = null
    where c.booking_id = NEW.id;
  elsif NEW.status in ('expired', 'declined', 'cancelled') then
    delete from app_public.calendar_claims c where c.booking_id = NEW.id;
  end if;
  return null;
end
$$;

create or replace trigger _400_move_claim
  after update of status on app_public.bookings
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg_bookings__move_claim();

comment on function app_hidden.tg_bookings__move_claim() is
  'Keeps or frees the nights of a booking when its status changes.';
--! EndIncluded bookings/triggers/tg_bookings__move_claim.sql
--! Included bookings/internal/expire_listing_holds.sql
/*
 * Expires the bookings of one listing whose holds are past their time, on one unit or all, within
 * the given nights or anywhere. Their claims go with them. Returns how many. A hold whose payment is
 * being processed has no expires_at and is left alone.
 *
 * Locks: the units of the listing, then the bookings.
 */
create or replace function app_hidden.expire_listing_holds(
  listing_id uuid, unit_number smallint default null, nights daterange default null
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_expired integer;
begin
  -- Mostly there is none: then nothing is locked.
  if not exists (
    select from app_public.calendar_claims c
    where c.listing_id = expire_listing_holds.listing_id
      and c.expires_at <= app_hidden.clock()
      and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
      and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights)
  ) then
    return 0;
  end if;

  perform app_hidden.lock_units(expire_listing_holds.listing_id);

  update app_public.bookings b
  set status = 'expired', status_actor = 'system', status_reason = 'The hold ended before payment.'
  from app_public.calendar_claims c
  where c.booking_id = b.id
    and c.listing_id = expire_listing_holds.listing_id
    and c.expires_at <= app_hidden.clock()
    and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
    and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights);
  get diagnostics v_expired = row_count;
  return v_expired;
end
$$;

comment on function app_hidden.expire_listing_holds(uuid, smallint, daterange) is
  'Expires bookings of a listing whose hold is over, and frees their nights; says how many.';
--! EndIncluded bookings/internal/expire_listing_holds.sql
--! Included bookings/triggers/tg_calendar_claims__expire_holds.sql
/*
 * Whoever takes nights ends the expired holds on them first, so that nobody waits for the job that
 * expires holds. It runs before the guard, which then finds the nights free.
 */
create or replace function app_hidden.tg_calendar_claims__expire_holds() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.expire_listing_holds(NEW.listing_id, NEW.unit_number, NEW.nights);
  return NEW;
end
$$;

create or replace trigger _050_expire_holds
  before insert on app_public.calendar_claims
  for each row execute function app_hidden.tg_calendar_claims__expire_holds();

comment on function app_hidden.tg_calendar_claims__expire_holds() is
  'Expires the holds that are over on nights that somebody takes.';
--! EndIncluded bookings/triggers/tg_calendar_claims__expire_holds.sql
--! Included bookings/internal/confirm_booking.sql
/*
 * Confirms a booking that was paid. Where its hold is gone, the nights are taken again on any free
 * unit, if the listing is still open for bookings; false where that cannot be. A bank may take days:
 * a stay that is over by then is not sold either, and its hold, which nothing else would end, is
 * ended here. The caller holds the locks on the units and the booking.
 */
create or replace function app_hidden.confirm_booking(booking app_public.bookings) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_is_over boolean := booking.hold_expires_at <= app_hidden.clock()
    and booking.check_out <= (app_hidden.clock() at time zone booking.time_zone)::date;
begin
  if booking.status = 'pending_payment' and v_is_over then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system', status_reason = 'The stay was over before payment.'
    where b.id = booking.id;
    return false;
  elsif booking.status = 'expired' and not v_is_over and exists (
    select from app_public.listings l where l.id = booking.listing_id and l.status = 'published'
  ) then
    begin
      v_claim := app_hidden.claim_nights(
        booking.listing_id,
        app_hidden.claim_window(booking.check_in, booking.check_out, (
          select l.preparation_days from app_public.listings l where l.id = booking.listing_id
        )),
        'booking',
        booking_id => booking.id
      );
    exception
      when sqlstate 'SBC01' then return false;
    end;
  elsif booking.status <> 'pending_payment' then
    return false;
  end if;

  update app_public.bookings b
  set status = 'confirmed', status_actor = 'system', status_reason = 'Paid.',
      unit_number = coalesce(v_claim.unit_number, b.unit_number)
  where b.id = booking.id;
  return true;
end
$$;

comment on function app_hidden.confirm_booking(app_public.bookings) is
  'Confirms a paid booking; false where its nights are gone.';
--! EndIncluded bookings/internal/confirm_booking.sql
--! Included bookings/server/expire_holds.sql
/*
 * The job that expires holds on listings that nobody asks for: some listings a call, in the order of
 * their ids, so that two of these cannot deadlock. Each listing has a savepoint of its own: one that
 * fails is reported as a warning and left, and the others go on. Returns how many bookings expired;
 * call it until that is 0.
 */
create or replace function app_private.expire_holds(listing_limit integer default 50) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing_id uuid;
  v_of_listing integer;
  v_expired integer := 0;
begin
  for v_listing_id in
    select l.listing_id from (
      select distinct c.listing_id from app_public.calendar_claims c
      where c.expires_at <= app_hidden.clock()
      limit expire_holds.listing_limit
    ) l
    order by l.listing_id
  loop
    begin
      v_of_listing := app_hidden.expire_listing_holds(v_listing_id);
      -- What is checked at commit is checked here, or it would end the whole batch.
      set constraints all immediate;
      v_expired := v_expired + v_of_listing;
    exception
      when others then
        raise warning 'The holds of listing % were not expired: %.', v_listing_id, sqlstate;
    end;
    set constraints all deferred;
  end loop;
  return v_expired;
end
$$;

grant execute on function app_private.expire_holds(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.expire_holds(integer) is
  'Expires bookings whose hold is over, some listings a call; says how many.';
--! EndIncluded bookings/server/expire_holds.sql
--! Included bookings/mutations/cancel_hold.sql
/*
 * A guest who has changed their mind before paying. What was paid is another matter: cancelling a
 * confirmed booking refunds by policy. Locks: the units, then the booking.
 */
create or replace function app_public.cancel_hold(booking_id uuid) returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = cancel_hold.booking_id and b.guest_id = v_user_id;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  update app_public.bookings b
  set status = 'cancelled', status_actor = 'guest', status_reason = 'Cancelled before payment.'
  where b.id = v_booking.id and b.status = 'pending_payment'
    and not exists (
      select from app_public.calendar_claims c where c.booking_id = b.id and c.expires_at is null
    )
  returning * into v_booking;
  if not found then
    raise exception 'Only a booking that waits for payment can be given up.'
      using errcode = 'SBB08', column = 'booking_id';
  end if;
  return v_booking;
end
$$;

grant execute on function app_public.cancel_hold(uuid) to :DATABASE_VISITOR;

comment on function app_public.cancel_hold(uuid) is
  'Gives up a booking that waits for payment and frees its nights.';
--! EndIncluded bookings/mutations/cancel_hold.sql
--! Included checkout/internal/settle_payment.sql
/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform; one that came too late is kept
 * apart in guest_clearing until it has gone back.
 */
create or replace function app_hidden.settle_payment(
  payment app_public.payments,
  booking app_public.bookings,
  received_amount bigint,
  charge_id text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_sold boolean;
  v_refund_id uuid;
begin
  if settle_payment.received_amount is distinct from payment.amount or settle_payment.charge_id is null then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = settle_payment.received_amount,
      stripe_charge_id = settle_payment.charge_id, failure_code = null
  where p.id = payment.id;

  v_sold := app_hidden.confirm_booking(booking);
  perform app_hidden.post_ledger(
    'charge:' || settle_payment.charge_id,
    case when v_sold then 'charge' else 'late_charge' end,
    booking.id,
    payment.currency,
    array[
      app_hidden.ledger_account('stripe_balance', payment.currency),
      case when v_sold
        then app_hidden.ledger_account('host_payable', payment.currency, booking.host_id)
        else app_hidden.ledger_account('guest_clearing', payment.currency)
      end,
      app_hidden.ledger_account('platform_revenue', payment.currency)
    ],
    case when v_sold
      then array[payment.amount, -booking.host_amount, -booking.platform_amount]
      else array[payment.amount, -payment.amount, 0]
    end
  );

  if v_sold then
    perform app_hidden.queue_mail('booking_confirmed_guest', booking.guest_id, booking.id);
    perform app_hidden.queue_mail('booking_confirmed_host', booking.host_id, booking.id);
    return 'confirmed';
  end if;

  insert into app_public.refunds (payment_id, reason, currency, amount)
  values (payment.id, 'The payment came after the hold had expired.', payment.currency, payment.amount)
  returning id into v_refund_id;
  perform app_hidden.add_job(
    'create_refund', jsonb_build_object('refundId', v_refund_id), 'refund:' || v_refund_id,
    max_attempts => 25
  );
  return 'refunding';
end
$$;

comment on function app_hidden.settle_payment(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
--! EndIncluded checkout/internal/settle_payment.sql
--! Included imports/internal/import_nights.sql
/*
 * Replaces the imported claims of a listing by what came, less the nights that holds, bookings and
 * the host's own blocks have; holds past their time give theirs up first. The guard row is locked
 * before anything is read, as by every writer of nights.
 */
create or replace function app_hidden.import_nights(listing_id uuid, listing jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_came datemultirange;
begin
  perform app_hidden.expire_listing_holds(import_nights.listing_id);
  perform app_hidden.lock_units(import_nights.listing_id);

  select coalesce(range_agg(n::daterange), '{}') into v_came
  from jsonb_array_elements_text(listing -> 'blockedNights') n;

  delete from app_public.calendar_claims c
  where c.listing_id = import_nights.listing_id and c.unit_number = 1 and c.kind = 'import'
    and not exists (select from unnest(v_came) n where n = c.nights);
  perform app_hidden.claim_nights(import_nights.listing_id, n, 'import', unit_number => 1::smallint)
  from unnest(v_came - (
    select coalesce(range_agg(c.nights), '{}') from app_public.calendar_claims c
    where c.listing_id = import_nights.listing_id and c.unit_number = 1
  )) n;
end
$$;

comment on function app_hidden.import_nights(uuid, jsonb) is
  'Replaces the imported claims of a listing; bookings keep their nights.';
--! EndIncluded imports/internal/import_nights.sql
