--! Previous: sha1:5524ff45f172fffbf5a3a02eaa2ebde5da05c791
--! Hash: sha1:2faa9bb0daebea61c784c9b9a08bf08c1e8d6c20
--! Message: one function a lock and one order

--! split: 1-current.sql
-- One function a lock, and one order for all: see sql/README.md.
--! Included listings/internal/lock_listing.sql
/*
 * The lock on a listing. It is the weaker kind, which lets rows be written that refer to the
 * listing: a booking does so while it holds the units. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_listing(listing_id uuid) returns app_public.listings
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select l.* from app_public.listings l where l.id = lock_listing.listing_id for no key update
$$;

comment on function app_hidden.lock_listing(uuid) is 'Locks a listing until commit and returns it; a null row where there is none.';
--! EndIncluded listings/internal/lock_listing.sql
--! Included listings/internal/require_own_listing.sql
/*
 * The row lock keeps a listing as it was checked until the caller commits. Somebody else's listing is
 * "not found" where it is not public, so that ids cannot be probed.
 */
create or replace function app_hidden.require_own_listing(listing_id uuid) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_listing app_public.listings := app_hidden.lock_listing(require_own_listing.listing_id);
begin
  if v_listing.id is null or (v_listing.host_id <> v_user_id and v_listing.status <> 'published') then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  if v_listing.host_id <> v_user_id then
    raise exception 'This listing is another host''s.' using errcode = 'SBG02', column = 'listing_id';
  end if;
  if v_listing.status in ('suspended', 'archived') then
    raise exception 'A listing that is % cannot be changed.', v_listing.status
      using errcode = 'SBL03', column = 'listing_id';
  end if;
  return v_listing;
end
$$;

comment on function app_hidden.require_own_listing(uuid) is
  'Locks and returns a listing of whoever is signed in; NOT_FOUND or FORBIDDEN otherwise.';
--! EndIncluded listings/internal/require_own_listing.sql
--! Included listings/triggers/tg_listing_photos__limit.sql
/*
 * A cap on everything: photos of one listing are loaded together. It counts behind the insert, when
 * row-level security has seen the row, so that nobody learns from it about a listing that is not
 * theirs; and under the listing's lock, so that two inserts count one after the other, and a
 * listing that is being published has them.
 */
create or replace function app_hidden.tg_listing_photos__limit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.lock_listing(NEW.listing_id);
  if (select count(*) from app_public.listing_photos p where p.listing_id = NEW.listing_id) > 100 then
    raise exception 'A listing has at most 100 photos.' using errcode = 'SBL05', column = 'listing_id';
  end if;
  return null;
end
$$;

create or replace trigger _200_limit
  after insert on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__limit();

comment on function app_hidden.tg_listing_photos__limit() is 'At most 100 photos a listing.';
--! EndIncluded listings/triggers/tg_listing_photos__limit.sql
--! Included calendar/internal/lock_units.sql
/*
 * The lock on all units of a listing, in the order of their numbers. Whoever also needs the listing
 * locks that first. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_units(listing_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from app_hidden.listing_availability a
  where a.listing_id = lock_units.listing_id
  order by a.unit_number
  for update;
end
$$;

comment on function app_hidden.lock_units(uuid) is 'Locks the units of a listing until commit.';
--! EndIncluded calendar/internal/lock_units.sql
--! Included calendar/internal/free_expired_holds.sql
/*
 * Frees the nights of holds past their time on one listing, within the given nights or anywhere;
 * their bookings expire by a trigger. Returns how many. A hold whose payment is being processed has
 * no expires_at and is left alone.
 *
 * Locks: availability of the listing, unit by unit, then claims, then (by the trigger) bookings.
 */
create or replace function app_hidden.free_expired_holds(listing_id uuid, nights daterange default null)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_freed integer;
begin
  -- Mostly there is none: then nothing is locked.
  if not exists (
    select from app_public.calendar_claims c
    where c.listing_id = free_expired_holds.listing_id
      and c.expires_at <= app_hidden.clock()
      and (free_expired_holds.nights is null or c.nights && free_expired_holds.nights)
  ) then
    return 0;
  end if;

  perform app_hidden.lock_units(free_expired_holds.listing_id);

  delete from app_public.calendar_claims c
  where c.listing_id = free_expired_holds.listing_id
    and c.expires_at <= app_hidden.clock()
    and (free_expired_holds.nights is null or c.nights && free_expired_holds.nights);
  get diagnostics v_freed = row_count;
  return v_freed;
end
$$;

comment on function app_hidden.free_expired_holds(uuid, daterange) is
  'Frees nights of expired holds of a listing; says how many holds ended.';
--! EndIncluded calendar/internal/free_expired_holds.sql
--! Included pricing/triggers/tg_listing_rates__copy_to_units.sql
/*
 * Search asks each candidate "free, and for how much?": the copy beside the nights that are taken
 * answers both with one look-up. pricing_drift() compares. Locks: availability, unit by unit, as all
 * who take nights do.
 */
create or replace function app_hidden.tg_listing_rates__copy_to_units() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_hidden.lock_units(coalesce(NEW.listing_id, OLD.listing_id));
  update app_hidden.listing_availability a
  set currency = NEW.currency,
      charge_step = (
        select c.charge_step from app_public.currencies c where c.code = NEW.currency
      ),
      nightly_amount = NEW.nightly_amount,
      weekend_nightly_amount = NEW.weekend_nightly_amount,
      cleaning_fee_amount = NEW.cleaning_fee_amount,
      extra_guest_fee_amount = NEW.extra_guest_fee_amount,
      guests_included = NEW.guests_included,
      has_dated_rates = coalesce(NEW.has_dated_rates, false)
  where a.listing_id = coalesce(NEW.listing_id, OLD.listing_id);
  return null;
end
$$;

create or replace trigger _310_copy_to_units
  after insert or update or delete on app_public.listing_rates
  for each row execute function app_hidden.tg_listing_rates__copy_to_units();

comment on function app_hidden.tg_listing_rates__copy_to_units() is
  'Copies a listing''s rates to its units, where search reads them.';
--! EndIncluded pricing/triggers/tg_listing_rates__copy_to_units.sql
--! Included publishing/triggers/tg_listing_photos__keep_one.sql
-- The last photo of a published listing stays; add another first, or pause the listing.
create or replace function app_hidden.tg_listing_photos__keep_one() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status app_public.listing_status;
begin
  -- Locked first and read then: a publication at the same moment counts this photo.
  select l.status into v_status from app_hidden.lock_listing(OLD.listing_id) l;
  if v_status = 'published' and not exists (
    select from app_public.listing_photos p where p.listing_id = OLD.listing_id
  ) then
    raise exception 'A published listing keeps a photo: add another first, or pause the listing.'
      using errcode = 'SBL02', detail = '["photo"]';
  end if;
  return null;
end
$$;

create or replace trigger _300_keep_one
  after delete on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__keep_one();

comment on function app_hidden.tg_listing_photos__keep_one() is
  'Refuses to delete the last photo of a published listing.';
--! EndIncluded publishing/triggers/tg_listing_photos__keep_one.sql
--! Included bookings/internal/lock_booking.sql
/*
 * The lock on a booking. Whoever also needs the units of its listing locks those first. For the order
 * of locks see sql/README.md.
 */
create or replace function app_hidden.lock_booking(booking_id uuid) returns app_public.bookings
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.* from app_public.bookings b where b.id = lock_booking.booking_id for no key update
$$;

comment on function app_hidden.lock_booking(uuid) is 'Locks a booking until commit and returns it; a null row where there is none.';
--! EndIncluded bookings/internal/lock_booking.sql
--! Included bookings/mutations/cancel_hold.sql
/*
 * A guest who has changed their mind before paying. What was paid is another matter: cancelling a
 * confirmed booking refunds by policy. Locks: availability, then the booking.
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
  delete from app_public.calendar_claims c where c.booking_id = v_booking.id;
  return v_booking;
end
$$;

grant execute on function app_public.cancel_hold(uuid) to :DATABASE_VISITOR;

comment on function app_public.cancel_hold(uuid) is
  'Gives up a booking that waits for payment and frees its nights.';
--! EndIncluded bookings/mutations/cancel_hold.sql
--! Included payments/internal/lock_payment.sql
/*
 * The lock on a payment. Its booking is locked first. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_payment(payment_id uuid) returns app_public.payments
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.* from app_public.payments p where p.id = lock_payment.payment_id for no key update
$$;

comment on function app_hidden.lock_payment(uuid) is 'Locks a payment until commit and returns it; a null row where there is none.';
--! EndIncluded payments/internal/lock_payment.sql
--! Included payments/internal/lock_refund.sql
/*
 * The lock on a refund. Its payment is locked first. For the order of locks see sql/README.md.
 */
create or replace function app_hidden.lock_refund(refund_id uuid) returns app_public.refunds
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.* from app_public.refunds r where r.id = lock_refund.refund_id for no key update
$$;

comment on function app_hidden.lock_refund(uuid) is 'Locks a refund until commit and returns it; a null row where there is none.';
--! EndIncluded payments/internal/lock_refund.sql
--! Included checkout/server/begin_payment.sql
/*
 * The payment of a booking that waits for it: the one there is, or a new one. The amount is the
 * booking's. Called by the server with the guest's claims; Stripe is asked after this has
 * committed, with the payment's id as idempotency key.
 */
create or replace function app_private.begin_payment(booking_id uuid) returns app_public.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  -- Looked for first and locked then: nobody holds up a booking that is not theirs.
  select b.* into v_booking from app_public.bookings b
  where b.id = begin_payment.booking_id and b.guest_id = v_user_id;
  v_booking := app_hidden.lock_booking(v_booking.id);
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01';
  end if;
  if v_booking.status in ('confirmed', 'completed') then
    raise exception 'This booking is paid.' using errcode = 'SBB06';
  end if;
  if v_booking.status = 'expired'
    or (v_booking.status = 'pending_payment' and v_booking.hold_expires_at <= app_hidden.clock())
  then
    raise exception 'The hold has expired; ask for a new quote.' using errcode = 'SBB07';
  end if;
  if v_booking.status <> 'pending_payment' then
    raise exception 'A booking that is % cannot be paid.', v_booking.status using errcode = 'SBB06';
  end if;

  select p.* into v_payment from app_public.payments p
  where p.booking_id = v_booking.id and p.status not in ('failed', 'cancelled');
  if v_payment.id is null then
    insert into app_public.payments (booking_id, currency, amount)
    values (v_booking.id, v_booking.currency, v_booking.total_amount)
    returning * into v_payment;
  end if;
  return v_payment;
end
$$;

grant execute on function app_private.begin_payment(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.begin_payment(uuid) is
  'The live payment of a booking of whoever is signed in; made when first asked for.';
--! EndIncluded checkout/server/begin_payment.sql
--! Included checkout/server/attach_payment_intent.sql
/*
 * Notes which intent Stripe made for a payment. Where the booking ended while Stripe was being
 * asked, the intent is cancelled again, so that nobody pays for nothing. The booking is locked
 * first: one that ends at the same moment either sees the intent, or is seen here to have ended.
 * Locks: booking, then payment.
 */
create or replace function app_private.attach_payment_intent(payment_id uuid, intent_id text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_status app_public.booking_status;
begin
  select b.status into v_booking_status
  from app_public.payments p cross join lateral app_hidden.lock_booking(p.booking_id) b
  where p.id = attach_payment_intent.payment_id;
  update app_public.payments p
  set stripe_payment_intent_id = attach_payment_intent.intent_id
  where p.id = attach_payment_intent.payment_id and p.stripe_payment_intent_id is null;
  if not found then
    return;
  end if;
  if v_booking_status in ('expired', 'cancelled', 'declined') then
    perform app_hidden.queue_intent_cancellation(attach_payment_intent.payment_id);
  end if;
end
$$;

grant execute on function app_private.attach_payment_intent(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.attach_payment_intent(uuid, text) is 'Notes Stripe''s intent of a payment.';
--! EndIncluded checkout/server/attach_payment_intent.sql
--! Included checkout/server/apply_payment_intent.sql
/*
 * Brings our payment to where Stripe's intent is, as re-fetched by the job. It may be called any
 * number of times, in any order: states only move forward, and each effect is written once.
 *
 * Money that arrived: a booking that waits becomes confirmed. A booking whose hold expired takes
 * its nights again; where that is not possible any more, the money goes back. Never neither (M6).
 * Locks: availability, then booking, then payment, then ledger accounts.
 *
 * Returns what was done: unknown, unchanged, noted, confirmed, refunding.
 */
create or replace function app_private.apply_payment_intent(
  intent_id text,
  payment_id uuid,
  intent_status text,
  received_amount bigint,
  charge_id text,
  failure_code text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select b.* into v_booking
  from app_public.payments p join app_public.bookings b on b.id = p.booking_id
  where p.stripe_payment_intent_id = apply_payment_intent.intent_id
    or (p.id = apply_payment_intent.payment_id and p.stripe_payment_intent_id is null);
  if v_booking.id is null then
    return 'unknown';
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  -- Stripe may report before the server has noted the intent: the metadata has our id.
  update app_public.payments p
  set stripe_payment_intent_id = apply_payment_intent.intent_id,
      failure_code = coalesce(apply_payment_intent.failure_code, p.failure_code)
  where p.booking_id = v_booking.id
    and (p.stripe_payment_intent_id = apply_payment_intent.intent_id
      or (p.id = apply_payment_intent.payment_id and p.stripe_payment_intent_id is null))
  returning p.* into v_payment;

  -- Another intent was noted in the meantime: this one is not ours to act on.
  if v_payment.id is null then
    return 'unknown';
  end if;
  if v_payment.status not in ('requires_payment', 'requires_action', 'processing', 'authorised') then
    return 'unchanged';
  end if;
  if apply_payment_intent.intent_status = 'succeeded' then
    return app_hidden.settle_payment(
      v_payment, v_booking, apply_payment_intent.received_amount, apply_payment_intent.charge_id
    );
  end if;

  update app_public.payments p
  set status = case apply_payment_intent.intent_status
    when 'requires_action' then 'requires_action'
    when 'processing' then 'processing'
    when 'requires_capture' then 'authorised'
    when 'canceled' then 'cancelled'
    else 'requires_payment'
  end::app_public.payment_status
  where p.id = v_payment.id;
  -- While the bank decides, the nights stay held; when it has said no, the old limit counts again.
  update app_public.calendar_claims c
  set expires_at = case
    when apply_payment_intent.intent_status = 'processing' then null
    else v_booking.hold_expires_at
  end
  where c.booking_id = v_booking.id and c.kind = 'hold';
  -- The booking has ended and this intent could still take money: nobody must pay for nothing.
  if v_booking.status in ('expired', 'cancelled', 'declined')
    and apply_payment_intent.intent_status not in ('processing', 'canceled')
  then
    perform app_hidden.queue_intent_cancellation(v_payment.id);
  end if;
  return 'noted';
end
$$;

grant execute on function app_private.apply_payment_intent(text, uuid, text, bigint, text, text)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_payment_intent(text, uuid, text, bigint, text, text) is
  'Brings a payment to where Stripe''s intent is; repeatable, in any order.';
--! EndIncluded checkout/server/apply_payment_intent.sql
--! Included checkout/server/apply_refund.sql
/*
 * Brings our refund to where Stripe's is, as re-fetched. A refund can fail after it had succeeded:
 * then the money is with us again and the ledger takes the entry back. Locks: booking, then
 * payment, then refund, then ledger accounts.
 */
create or replace function app_private.apply_refund(
  refund_id uuid, stripe_refund_id text, stripe_status text
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_payment app_public.payments;
  v_booking app_public.bookings;
  v_old_status app_public.refund_status;
  v_new_status app_public.refund_status := case apply_refund.stripe_status
    when 'succeeded' then 'succeeded'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
    else 'pending'
  end;
  v_amount bigint;
begin
  select p.* into v_payment
  from app_public.refunds r join app_public.payments p on p.id = r.payment_id
  where r.id = apply_refund.refund_id;
  if v_payment.id is null then
    return 'unknown';
  end if;
  v_booking := app_hidden.lock_booking(v_payment.booking_id);
  v_payment := app_hidden.lock_payment(v_payment.id);
  v_refund := app_hidden.lock_refund(apply_refund.refund_id);
  v_old_status := v_refund.status;
  -- Only forward: requested, pending, succeeded, failed.
  if v_new_status <= v_old_status then
    return 'unchanged';
  end if;

  update app_public.refunds r
  set status = v_new_status, stripe_refund_id = apply_refund.stripe_refund_id
  where r.id = v_refund.id;
  v_amount := case
    when v_new_status = 'succeeded' then v_refund.amount
    when v_new_status = 'failed' and v_old_status = 'succeeded' then -v_refund.amount
  end;
  if v_amount is null then
    return case v_new_status when 'failed' then 'failed' else 'noted' end;
  end if;

  update app_public.payments p
  set refunded_amount = p.refunded_amount + v_amount,
      status = case p.refunded_amount + v_amount
        when 0 then 'captured'
        when p.captured_amount then 'refunded'
        else 'partially_refunded'
      end::app_public.payment_status
  where p.id = v_payment.id;
  perform app_hidden.post_ledger(
    case when v_amount > 0 then 'refund:' else 'refund_failure:' end || apply_refund.stripe_refund_id,
    case when v_amount > 0 then 'refund' else 'refund_failure' end,
    v_booking.id,
    v_refund.currency,
    array[
      app_hidden.ledger_account('guest_clearing', v_refund.currency),
      app_hidden.ledger_account('stripe_balance', v_refund.currency)
    ],
    array[v_amount, -v_amount]
  );
  if v_amount > 0 then
    perform app_hidden.queue_mail('late_payment_refunded', v_booking.guest_id, v_booking.id);
  end if;
  return v_new_status::text;
end
$$;

grant execute on function app_private.apply_refund(uuid, text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_refund(uuid, text, text) is
  'Brings a refund to where Stripe''s is; repeatable, in any order.';
--! EndIncluded checkout/server/apply_refund.sql
--! Included reviews/mutations/submit_review.sql
/*
 * The guest rates the stay, from the local check-out day on. The listing row is locked first, so
 * that two reviews of one listing count one after the other; weakly enough that bookings may go on.
 */
create or replace function app_public.submit_review(
  booking_id uuid,
  rating integer,
  comment text,
  cleanliness_rating integer default null,
  accuracy_rating integer default null,
  check_in_rating integer default null,
  communication_rating integer default null,
  location_rating integer default null,
  value_rating integer default null
) returns app_public.reviews
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_booking app_public.bookings;
  v_review app_public.reviews;
begin
  select b.* into v_booking from app_public.bookings b
  where b.id = submit_review.booking_id and b.guest_id = v_user_id;
  if v_booking.id is null then
    raise exception 'There is no such booking.' using errcode = 'SBB01', column = 'booking_id';
  end if;
  if v_booking.status not in ('confirmed', 'completed')
    or (app_hidden.clock() at time zone v_booking.time_zone)::date < v_booking.check_out
  then
    raise exception 'A stay can be reviewed from the day of check-out on.'
      using errcode = 'SBR01', column = 'booking_id';
  end if;
  if submit_review.rating is null or submit_review.rating not between 1 and 5 then
    raise exception 'Rate from 1 to 5.' using errcode = 'SBR03', column = 'rating';
  end if;

  perform app_hidden.lock_listing(v_booking.listing_id);
  insert into app_public.reviews (
    booking_id, listing_id, direction, author_id, subject_id, rating, comment,
    cleanliness_rating, accuracy_rating, check_in_rating, communication_rating,
    location_rating, value_rating, published_at
  )
  values (
    v_booking.id, v_booking.listing_id, 'guest_to_host', v_user_id, v_booking.host_id,
    submit_review.rating, btrim(coalesce(submit_review.comment, '')),
    submit_review.cleanliness_rating, submit_review.accuracy_rating,
    submit_review.check_in_rating, submit_review.communication_rating,
    submit_review.location_rating, submit_review.value_rating, app_hidden.clock()
  )
  on conflict on constraint reviews_booking_id_key do nothing
  returning * into v_review;
  if v_review.id is null then
    raise exception 'This stay is reviewed already.' using errcode = 'SBR02', column = 'booking_id';
  end if;
  return v_review;
end
$$;

grant execute on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) to :DATABASE_VISITOR;

comment on function app_public.submit_review(
  uuid, integer, text, integer, integer, integer, integer, integer, integer
) is 'Rates a stay after check-out: overall and, where given, by category, 1 to 5. Once a booking.';
--! EndIncluded reviews/mutations/submit_review.sql
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
  perform app_hidden.free_expired_holds(import_nights.listing_id);
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
--! Included imports/server/import_listing.sql
/*
 * Writes one listing of an import with all that belongs to it: all or nothing, by being one
 * statement. What came is compared by hash, so the same again changes nothing. A night that a
 * booking of ours has taken stays the booking's.
 *
 * listing: externalId, host {externalId, displayName, bio, avatarUrl, hostSince}, title,
 * description, houseRules, type, maxGuests, bedrooms, beds, bathrooms, minNights, maxNights,
 * bookingMode, street, city, region, countryCode, timeZone, longitude, latitude, rates {currency,
 * nightlyAmount} or null, photoUrls [..], amenityCodes [..], reviewScores {..} or null,
 * blockedNights ['[2026-01-01,2026-01-05)', ..], datedRates [{nights, nightlyAmount}, ..].
 *
 * Returns created, updated, unchanged, or host_kept: updated, but it has bookings, so it stays with
 * the host of before. Without rates or a photo the listing is a draft, also when it was published
 * before.
 *
 * Locks: the external id, the host's, the host's row, then the listing, then its units. The first two
 * are advisory, for the first import of a listing has no row yet to lock; two imports of one city
 * take turns at each listing instead of making it twice.
 */
create or replace function app_private.import_listing(source text, listing jsonb) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash text := md5(listing::text);
  v_known app_private.imported_listings;
  v_host_id uuid;
  v_listing_id uuid;
  v_host_kept boolean;
begin
  perform pg_advisory_xact_lock(
    hashtextextended('import_listing/' || import_listing.source || '/' || (listing ->> 'externalId'), 0)
  );
  select i.* into v_known from app_private.imported_listings i
  where i.source = import_listing.source and i.external_id = listing ->> 'externalId';
  if v_known.content_hash = v_hash then
    return 'unchanged';
  end if;

  v_host_id := app_hidden.import_host(import_listing.source, listing -> 'host');
  v_listing_id := coalesce(v_known.listing_id, uuidv7());
  -- The listing first, as hosts do. A booking that is taking its nights is waited for, so that it is
  -- seen below.
  perform app_hidden.lock_listing(v_listing_id);
  perform app_hidden.lock_units(v_listing_id);
  -- Search follows each row of what belongs to a published listing; as a draft it is written in one
  -- go.
  update app_public.listings l set status = 'draft'
  where l.id = v_listing_id and l.status = 'published';
  insert into app_public.listings as l (
    id, host_id, title, description, house_rules, type, max_guests, bedrooms, beds, bathrooms,
    min_nights, max_nights, booking_mode
  )
  values (
    v_listing_id, v_host_id, listing ->> 'title', listing ->> 'description',
    listing ->> 'houseRules', (listing ->> 'type')::app_public.listing_type,
    (listing ->> 'maxGuests')::smallint, (listing ->> 'bedrooms')::smallint,
    (listing ->> 'beds')::smallint, (listing ->> 'bathrooms')::numeric,
    (listing ->> 'minNights')::smallint, (listing ->> 'maxNights')::smallint,
    (listing ->> 'bookingMode')::app_public.booking_mode
  )
  on conflict on constraint listings_pkey do update
    set host_id = case
          when exists (select from app_public.bookings b where b.listing_id = l.id) then l.host_id
          else excluded.host_id
        end,
        title = excluded.title, description = excluded.description,
        house_rules = excluded.house_rules, type = excluded.type,
        max_guests = excluded.max_guests, bedrooms = excluded.bedrooms, beds = excluded.beds,
        bathrooms = excluded.bathrooms, min_nights = excluded.min_nights,
        max_nights = excluded.max_nights, booking_mode = excluded.booking_mode
  returning l.host_id <> v_host_id into v_host_kept;

  perform app_hidden.write_listing_address(
    v_listing_id, listing ->> 'street', listing ->> 'city', listing ->> 'countryCode',
    listing ->> 'timeZone', (listing ->> 'longitude')::double precision,
    (listing ->> 'latitude')::double precision, null, listing ->> 'region', null
  );
  perform app_hidden.import_listing_parts(v_listing_id, listing);
  perform app_hidden.import_nights(v_listing_id, listing);

  update app_public.listings l
  set status = 'published', published_at = coalesce(l.published_at, app_hidden.clock())
  where l.id = v_listing_id and l.status = 'draft'
    and exists (select from app_public.listing_rates r where r.listing_id = l.id)
    and exists (select from app_public.listing_photos p where p.listing_id = l.id);

  -- Nights that a hold has may soon be free again: no hash, so that the next import tries anew.
  if exists (
    select from app_public.calendar_claims c
    join jsonb_array_elements_text(listing -> 'blockedNights') n on c.nights && n::daterange
    where c.listing_id = v_listing_id and c.unit_number = 1 and c.kind = 'hold'
  ) then
    v_hash := '';
  end if;
  insert into app_private.imported_listings (source, external_id, listing_id, content_hash)
  values (import_listing.source, listing ->> 'externalId', v_listing_id, v_hash)
  on conflict on constraint imported_listings_pkey do update
    set content_hash = excluded.content_hash, imported_at = app_hidden.clock();
  return case
    when v_known.listing_id is null then 'created'
    when v_host_kept then 'host_kept'
    else 'updated'
  end;
end
$$;

grant execute on function app_private.import_listing(text, jsonb) to :DATABASE_AUTHENTICATOR;

comment on function app_private.import_listing(text, jsonb) is
  'Writes one imported listing, all or nothing: created, updated, unchanged or host_kept.';
--! EndIncluded imports/server/import_listing.sql
