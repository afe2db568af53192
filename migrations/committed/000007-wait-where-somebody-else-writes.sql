--! Previous: sha1:ebb687b7471b336b17e2d8528981eb254e5b8cf7
--! Hash: sha1:5524ff45f172fffbf5a3a02eaa2ebde5da05c791
--! Message: wait where somebody else writes

--! split: 1-current.sql
--! Included foundation/job_waits.sql
-- Whether a job of this key is in the queue and will still be tried; for those that ask again.
create or replace function app_hidden.job_waits(job_key text) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from graphile_worker.jobs j where j.key = job_key and j.attempts < j.max_attempts
  )
$$;

comment on function app_hidden.job_waits(text) is
  'Whether a job of this key waits or runs, and has attempts left.';
--! EndIncluded foundation/job_waits.sql
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
  perform from app_hidden.listing_availability a
  where a.listing_id = coalesce(NEW.listing_id, OLD.listing_id)
  order by a.unit_number
  for update;
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
--! Included bookings/internal/purge_quotes.sql
/*
 * Forgets offers that nobody took, a week after they ended; what was booked is kept for ever by its
 * booking. In portions, so that no run locks much: returns how many there were. No index helps it:
 * it runs once a night, and what is older than a week is mostly sold.
 */
create or replace function app_private.purge_quotes() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_public.quotes q
  where q.id = any (array(
    select old.id from app_public.quotes old
    where old.expires_at < app_hidden.clock() - interval '7 days'
      and not exists (select from app_public.bookings b where b.quote_id = old.id)
    limit 1000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_quotes() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_quotes() is
  'Removes unsold quotes a week after they ended, 1,000 at most; says how many.';
--! EndIncluded bookings/internal/purge_quotes.sql
--! Included bookings/mutations/create_booking.sql
/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms.
 *
 * Idempotent by the guest's key: a repeated call returns the booking of the first, also when both
 * run at once: the slower one then finds the nights taken, or meets the unique key, and looks
 * again. Locks: availability (claim_nights), then the new booking.
 */
create or replace function app_public.create_booking(quote_id uuid, idempotency_key text)
returns app_public.bookings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_hold constant interval := '15 minutes';
  c_most_holds constant integer := 50;
  v_user_id uuid := app_hidden.require_user_id();
  v_booking_id uuid := uuidv7();
  v_booking app_public.bookings;
  v_quote app_public.quotes;
  v_listing app_public.listings;
  v_claim app_public.calendar_claims;
begin
  if length(coalesce(create_booking.idempotency_key, '')) not between 8 and 200 then
    raise exception 'Choose an idempotency key of 8 to 200 characters, such as a random UUID.'
      using errcode = 'SBB02', column = 'idempotency_key';
  end if;
  v_booking := app_hidden.find_repeated_booking(
    v_user_id, create_booking.idempotency_key, create_booking.quote_id
  );
  if v_booking.id is not null then
    return v_booking;
  end if;

  select q.* into v_quote from app_public.quotes q
  where q.id = create_booking.quote_id and q.guest_id = v_user_id;
  if v_quote.id is null then
    raise exception 'There is no such quote.' using errcode = 'SBP01', column = 'quote_id';
  end if;
  if v_quote.expires_at <= app_hidden.clock() then
    raise exception 'The quote has expired; ask for a new one.' using errcode = 'SBP02', column = 'quote_id';
  end if;
  select l.* into v_listing from app_public.listings l where l.id = v_quote.listing_id;
  if v_listing.status <> 'published' then
    raise exception 'This listing is not open for bookings.' using errcode = 'SBL01', column = 'quote_id';
  end if;
  if v_listing.booking_mode <> 'instant' then
    raise exception 'This host takes requests, which cannot be booked at once.'
      using errcode = 'SBB05', column = 'quote_id';
  end if;

  if v_quote.check_in < (app_hidden.clock() at time zone v_listing.time_zone)::date then
    raise exception 'Check-in is in the past by now; ask for a new quote.'
      using errcode = 'SBC03', column = 'quote_id';
  end if;
  -- Holding costs nothing: without a limit one guest could keep a market closed.
  if (
    select count(*) from app_public.bookings b
    where b.guest_id = v_user_id and b.status = 'pending_payment'
      and b.hold_expires_at > app_hidden.clock()
  ) >= c_most_holds then
    v_booking := app_hidden.find_repeated_booking(
      v_user_id, create_booking.idempotency_key, create_booking.quote_id
    );
    if v_booking.id is not null then
      return v_booking;
    end if;
    raise exception 'You hold % stays already: pay or give up one first.', c_most_holds
      using errcode = 'SBB10', column = 'quote_id';
  end if;

  begin
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
      check_in, check_out, guests, currency, total_amount, host_amount, platform_amount,
      cancellation_policy, time_zone, hold_expires_at
    )
    values (
      v_booking_id, v_quote.listing_id, v_claim.unit_number, v_listing.host_id, v_user_id,
      v_quote.id, create_booking.idempotency_key, v_quote.check_in, v_quote.check_out,
      v_quote.guests, v_quote.currency, v_quote.total_amount, v_quote.host_amount,
      v_quote.platform_amount, v_quote.cancellation_policy, v_listing.time_zone,
      v_claim.expires_at
    )
    returning * into v_booking;
    return v_booking;
  exception
    when sqlstate 'SBC01' or unique_violation then
      v_booking := app_hidden.find_repeated_booking(
        v_user_id, create_booking.idempotency_key, create_booking.quote_id
      );
      if v_booking.id is not null then
        return v_booking;
      end if;
      if exists (select from app_public.bookings b where b.quote_id = v_quote.id) then
        raise exception 'The quote is booked already.' using errcode = 'SBP03', column = 'quote_id';
      end if;
      raise;
  end;
end
$$;

grant execute on function app_public.create_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.create_booking(uuid, text) is
  'Books a quote as it stands and holds the nights for 15 minutes; pay by POST /v1/bookings/{id}/payment. A repeated call with the same key returns the same booking.';
--! EndIncluded bookings/mutations/create_booking.sql
--! Included payments/tables/refunds.sql
do $$
begin
  create type app_public.refund_status as enum ('requested', 'pending', 'succeeded', 'failed');
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.refunds (
  id uuid not null default uuidv7() constraint refunds_pkey primary key,
  payment_id uuid not null
    constraint refunds_payment_id_fkey references app_public.payments on delete restrict,
  status app_public.refund_status not null default 'requested',
  reason text not null,
  currency text not null
    constraint refunds_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  stripe_refund_id text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint refunds_stripe_refund_id_key unique (stripe_refund_id),
  constraint refunds_amount_is_positive check (amount > 0)
);

alter table app_public.refunds enable row level security;
alter table app_public.refunds force row level security;

-- follow_stripe() asks after refunds that have been open for long.
create index if not exists refunds_open_idx on app_public.refunds (created_at)
  where status in ('requested', 'pending');
create index if not exists refunds_payment_id_idx on app_public.refunds (payment_id);
create index if not exists refunds_currency_idx on app_public.refunds (currency);

create or replace trigger _100_touch
  before update on app_public.refunds
  for each row execute function app_hidden.tg__touch();

comment on type app_public.refund_status is 'Where a refund is; a bank can make it fail even after it succeeded.';
comment on table app_public.refunds is 'Money given back to a guest.';
comment on column app_public.refunds.id is 'Public id of the refund.';
comment on column app_public.refunds.payment_id is 'The payment that is given back.';
comment on column app_public.refunds.status is 'Where the refund is.';
comment on column app_public.refunds.reason is 'Why it is given back.';
comment on column app_public.refunds.currency is 'ISO 4217 currency.';
comment on column app_public.refunds.amount is 'How much, in minor units.';
comment on column app_public.refunds.stripe_refund_id is 'Stripe''s id of the refund.';
comment on column app_public.refunds.created_at is 'When it was decided.';
comment on column app_public.refunds.updated_at is 'When it last changed.';
--! EndIncluded payments/tables/refunds.sql
--! Included payments/internal/follow_stripe.sql
/*
 * The net under the webhooks: an event that was lost, or whose job gave up, must not hold nights or
 * money for ever. Queues a look at every payment of the last month that has been open for longer
 * than a hold lasts, at every refund that has been for longer than an hour, and again the job of
 * every stored event that waits for so long. A job that still has attempts left is let alone.
 * Returns how many were queued.
 */
create or replace function app_private.follow_stripe() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payments integer;
  v_refunds integer;
  v_events integer;
begin
  select count(app_hidden.add_job(
    'follow_payment', jsonb_build_object('paymentId', p.id), 'follow_payment:' || p.id,
    queue_name => app_hidden.stripe_queue(p.stripe_payment_intent_id)
  )) into v_payments
  from (
    select p.id, p.stripe_payment_intent_id from app_public.payments p
    where p.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
      and p.stripe_payment_intent_id is not null
      and p.created_at between app_hidden.clock() - interval '30 days'
        and app_hidden.clock() - interval '20 minutes'
      and not app_hidden.job_waits('follow_payment:' || p.id)
    order by p.created_at
    limit 1000
  ) p;
  select count(app_hidden.add_job(
    'create_refund', jsonb_build_object('refundId', r.id), 'refund:' || r.id, max_attempts => 25
  )) into v_refunds
  from (
    select r.id from app_public.refunds r
    where r.status in ('requested', 'pending')
      and r.created_at between app_hidden.clock() - interval '30 days'
        and app_hidden.clock() - interval '1 hour'
      and not app_hidden.job_waits('refund:' || r.id)
    order by r.created_at
    limit 1000
  ) r;
  select count(app_hidden.add_job(
    'process_stripe_event', jsonb_build_object('eventId', e.id), 'stripe_event:' || e.id,
    max_attempts => 25, queue_name => app_hidden.stripe_queue(e.object_id)
  )) into v_events
  from (
    select e.id, e.object_id from app_private.stripe_events e
    where e.processed_at is null and e.received_at < app_hidden.clock() - interval '1 hour'
      and not app_hidden.job_waits('stripe_event:' || e.id)
    order by e.received_at
    limit 1000
  ) e;
  return v_payments + v_refunds + v_events;
end
$$;

grant execute on function app_private.follow_stripe() to :DATABASE_AUTHENTICATOR;

comment on function app_private.follow_stripe() is
  'Queues a look at payments, refunds and events that have waited for too long; says how many.';
--! EndIncluded payments/internal/follow_stripe.sql
--! Included search/internal/rebuild_search.sql
/*
 * Writes the whole projection anew, in the order of the map, so that what is near is together on
 * disk. For the operator, after a change of the score or the bits; searches see the old rows until
 * it commits. What changes listings meanwhile waits, or it would write beside what this reads.
 */
create or replace function app_private.rebuild_search() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  lock table app_hidden.search_cells in share row exclusive mode;
  delete from app_hidden.search_cells;
  insert into app_hidden.search_cells
  select p.* from app_hidden.search_projection() p order by p.cell, p.score desc;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

grant execute on function app_private.rebuild_search() to :DATABASE_AUTHENTICATOR;

comment on function app_private.rebuild_search() is 'Writes the search projection anew; says how many rows.';
--! EndIncluded search/internal/rebuild_search.sql
-- Once more, and this time nobody writes beside it.
select app_private.rebuild_search();
