--! Previous: sha1:a4c9f2fba135b375da9f1a98ec09c966816aef2b
--! Hash: sha1:f182a8eab8df6c019205f0d64747dd72df4b9730
--! Message: Ask Stripe before the nights of a hold are freed

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +6 -1   calendar/tables/calendar_claims.sql
--   new     bookings/tables/booking_transitions.sql
--   new     bookings/data/booking_transitions.sql
--   +1 -0   bookings/triggers/tg_bookings__check_transition.sql
--   +5 -3   bookings/internal/expire_listing_holds.sql
--   +8 -8   bookings/internal/confirm_booking.sql
--   +7 -1   bookings/server/expire_holds.sql
--   new     checkout/internal/set_hold_end.sql
--   +6 -0   checkout/server/begin_payment.sql
--   +13 -8  checkout/server/attach_payment_intent.sql
--   new     checkout/server/end_hold.sql
--   +12 -8  checkout/server/apply_payment_intent.sql
-- (npm run db:commit wrote these lines.)

-- Stripe is asked before the nights of a hold are freed. Holds that are there when this runs end as
-- before; those whose bank has not decided for a day end with the next run of the job.
alter table app_hidden.booking_transitions
  drop constraint if exists booking_transitions_deadline_is_known;
alter table app_hidden.booking_transitions
  add constraint booking_transitions_deadline_is_known check (
    deadline in (
      'none', 'after_hold', 'until_check_in', 'before_check_out', 'after_check_out'
    )
  );
--! Included calendar/tables/calendar_claims.sql
/*
 * The one place where nights are taken: holds, bookings, blocks and imported events alike. Only
 * live claims have rows: to free nights is to delete the claim.
 */
create table if not exists app_public.calendar_claims (
  id uuid not null default uuidv7() constraint calendar_claims_pkey primary key,
  listing_id uuid not null,
  unit_number smallint not null,
  nights daterange not null,
  kind app_public.claim_kind not null,
  booking_id uuid,
  expires_at timestamptz,
  note app_public.prose not null default '',
  created_at timestamptz not null default app_hidden.clock(),

  -- N1: no night of a unit has two live claims, whoever wrote them. The guard row decides first
  -- (two inserts that meet on this constraint deadlock); this stands behind it.
  constraint calendar_claims_nights_excl
    exclude using gist (listing_id with =, unit_number with =, nights with &&),
  constraint calendar_claims_unit_fkey
    foreign key (listing_id, unit_number)
    references app_hidden.listing_availability (listing_id, unit_number) on delete cascade,
  -- One claim a booking.
  constraint calendar_claims_booking_id_key unique (booking_id),
  constraint calendar_claims_nights_are_finite check (
    not isempty(nights) and lower_inf(nights) is false and upper_inf(nights) is false
    and isfinite(lower(nights)) and isfinite(upper(nights))
  ),
  constraint calendar_claims_kind_has_booking
    check ((kind in ('hold', 'booking')) = (booking_id is not null)),
  constraint calendar_claims_only_holds_expire check (expires_at is null or kind = 'hold'),
  constraint calendar_claims_note_is_bounded check (length(note) <= 500)
);

alter table app_public.calendar_claims enable row level security;
alter table app_public.calendar_claims force row level security;

-- A host's calendar in order, and the foreign key to the unit.
create index if not exists calendar_claims_unit_idx
  on app_public.calendar_claims (listing_id, unit_number, lower(nights));

-- Holds past their time are found by this, for one listing or for all.
create index if not exists calendar_claims_expires_at_idx
  on app_public.calendar_claims (expires_at, listing_id) where expires_at is not null;

-- Holds whose bank decides; there are few.
create index if not exists calendar_claims_processing_idx
  on app_public.calendar_claims (listing_id) where kind = 'hold' and expires_at is null;

comment on table app_public.calendar_claims is
  'Nights of a unit that are taken; visible to its host.';
comment on column app_public.calendar_claims.id is 'Public id of the claim.';
comment on column app_public.calendar_claims.listing_id is 'The listing.';
comment on column app_public.calendar_claims.unit_number is
  'Which of the listing''s identical units, from 1.';
comment on column app_public.calendar_claims.nights is
  'The nights from the first to before the end; the listing''s preparation days after a stay '
  'included.';
comment on column app_public.calendar_claims.kind is 'Why the nights are taken.';
comment on column app_public.calendar_claims.booking_id is
  'The booking that takes them, for holds and bookings.';
comment on column app_public.calendar_claims.expires_at is
  'When a hold ends, which is ten minutes after the guest''s time where Stripe has to be asked '
  'whether they paid; null for what lasts, and while a payment is being processed.';
comment on column app_public.calendar_claims.note is 'The host''s own note.';
comment on column app_public.calendar_claims.created_at is 'When they were taken.';

-- What a client is told: the code, and the sentence.
comment on constraint calendar_claims_nights_excl on app_public.calendar_claims is
  'DATES_UNAVAILABLE: These nights are taken.';
comment on constraint calendar_claims_booking_id_key on app_public.calendar_claims is
  'INTERNAL: A booking has one unit.';
comment on constraint calendar_claims_nights_are_finite on app_public.calendar_claims is
  'INVALID_INPUT: The nights have a first and a last day.';
comment on constraint calendar_claims_kind_has_booking on app_public.calendar_claims is
  'INTERNAL: A hold or a booking of nights belongs to a booking.';
comment on constraint calendar_claims_only_holds_expire on app_public.calendar_claims is
  'INTERNAL: Only a hold expires.';
comment on constraint calendar_claims_note_is_bounded on app_public.calendar_claims is
  'INVALID_INPUT: A note has 500 characters at most.';
--! EndIncluded calendar/tables/calendar_claims.sql
--! Included bookings/tables/booking_transitions.sql
/*
 * The booking process as data: which change of status is allowed, to whom, and when. What has no
 * row here does not happen, whoever asks.
 */
create table if not exists app_hidden.booking_transitions (
  from_status app_public.booking_status not null,
  to_status app_public.booking_status not null,
  actor app_public.booking_actor not null,
  deadline text not null,

  constraint booking_transitions_pkey primary key (from_status, to_status, actor),
  constraint booking_transitions_deadline_is_known check (
    deadline in (
      'none', 'after_hold', 'until_check_in', 'before_check_out', 'after_check_out'
    )
  )
);

alter table app_hidden.booking_transitions enable row level security;
alter table app_hidden.booking_transitions force row level security;

comment on table app_hidden.booking_transitions is 'Allowed changes of a booking''s status.';
--! EndIncluded bookings/tables/booking_transitions.sql
--! Included bookings/data/booking_transitions.sql
insert into app_hidden.booking_transitions (from_status, to_status, actor, deadline)
values
  ('pending_payment', 'confirmed', 'system', 'none'),
  ('pending_payment', 'requested', 'system', 'none'),
  ('pending_payment', 'expired', 'system', 'after_hold'),
  ('pending_payment', 'cancelled', 'guest', 'none'),
  ('requested', 'confirmed', 'host', 'before_check_out'),
  ('requested', 'declined', 'host', 'none'),
  ('requested', 'expired', 'system', 'none'),
  -- Money came after the hold had expired, and the nights could be taken again.
  ('expired', 'confirmed', 'system', 'until_check_in'),
  ('confirmed', 'cancelled', 'guest', 'before_check_out'),
  ('confirmed', 'cancelled', 'host', 'before_check_out'),
  ('confirmed', 'cancelled', 'operator', 'none'),
  ('confirmed', 'completed', 'system', 'after_check_out')
on conflict (from_status, to_status, actor) do update set deadline = excluded.deadline;
--! EndIncluded bookings/data/booking_transitions.sql
--! Included bookings/triggers/tg_bookings__check_transition.sql
/*
 * Enforces the transitions table on every change of status, psql included, and notes when a booking
 * was confirmed. Another trigger appends the change to the history: tg_bookings__append_event.
 */
create or replace function app_hidden.tg_bookings__check_transition() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deadline text;
  v_today date := app_hidden.local_today(NEW.time_zone);
  v_in_time boolean;
begin
  if TG_OP = 'INSERT' then
    if NEW.status <> 'pending_payment' then
      raise exception 'A booking begins as pending_payment.' using errcode = 'SBB08';
    end if;
    return NEW;
  end if;

  select t.deadline into v_deadline from app_hidden.booking_transitions t
  where t.from_status = OLD.status and t.to_status = NEW.status and t.actor = NEW.status_actor;
  v_in_time := case v_deadline
    when 'none' then true
    when 'after_hold' then app_hidden.clock() >= NEW.hold_expires_at
    when 'until_check_in' then v_today <= NEW.check_in
    when 'before_check_out' then v_today < NEW.check_out
    when 'after_check_out' then v_today >= NEW.check_out
    else false
  end;
  if not v_in_time then
    raise exception 'A booking that is % cannot become % by the % now.',
      OLD.status, NEW.status, NEW.status_actor using errcode = 'SBB08';
  end if;
  if NEW.status = 'confirmed' then
    NEW.confirmed_at := app_hidden.clock();
  end if;
  return NEW;
end
$$;

create or replace trigger _200_check_transition
  before insert or update of status on app_public.bookings
  for each row execute function app_hidden.tg_bookings__check_transition();

comment on function app_hidden.tg_bookings__check_transition() is
  'Refuses changes of status that the transitions table does not allow.';
--! EndIncluded bookings/triggers/tg_bookings__check_transition.sql
--! Included bookings/internal/expire_listing_holds.sql
/*
 * Expires the bookings of one listing whose holds are past their time, on one unit or all, within
 * the given nights or anywhere. Their claims go with them. Returns how many. A hold whose payment
 * is being processed has no expires_at: the bank has a day after the guest's time, and what comes
 * later is late money.
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
      and (c.expires_at <= app_hidden.clock() or (c.kind = 'hold' and c.expires_at is null))
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
    and c.kind = 'hold'
    and coalesce(c.expires_at, b.hold_expires_at + interval '1 day') <= app_hidden.clock()
    and c.unit_number = coalesce(expire_listing_holds.unit_number, c.unit_number)
    and (expire_listing_holds.nights is null or c.nights && expire_listing_holds.nights);
  get diagnostics v_expired = row_count;
  return v_expired;
end
$$;

comment on function app_hidden.expire_listing_holds(uuid, smallint, daterange) is
  'Expires bookings of a listing whose hold is over, and frees their nights; says how many.';
--! EndIncluded bookings/internal/expire_listing_holds.sql
--! Included bookings/internal/confirm_booking.sql
/*
 * Confirms a booking that was paid. Where its hold is gone, the nights are taken again on any free
 * unit, if the listing is still open for bookings; false where that cannot be. Late money sells no
 * stay whose check-in has passed: a hold that is paid so late is ended here. The caller holds the
 * locks on the units and the booking.
 */
create or replace function app_hidden.confirm_booking(booking app_public.bookings) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_is_too_late boolean := booking.hold_expires_at <= app_hidden.clock()
    and booking.check_in < app_hidden.local_today(booking.time_zone);
begin
  if booking.status = 'pending_payment' and v_is_too_late then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The check-in had passed before payment.'
    where b.id = booking.id;
    return false;
  elsif booking.status = 'expired' and not v_is_too_late and exists (
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
 * The job that expires holds on listings that nobody asks for: some listings a call, in the order
 * of their ids, so that two of these cannot deadlock. Each listing has a savepoint of its own: one
 * that fails is reported as a warning and left, and the others go on. Returns how many bookings
 * expired; call it until that is 0.
 */
create or replace function app_private.expire_holds(listing_limit integer default 50)
returns integer
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
      select c.listing_id from app_public.calendar_claims c
      where c.expires_at <= app_hidden.clock()
      union
      -- The bank has had a day to decide.
      select c.listing_id from app_public.calendar_claims c
      join app_public.bookings b on b.id = c.booking_id
      where c.kind = 'hold' and c.expires_at is null
        and b.hold_expires_at <= app_hidden.clock() - interval '1 day'
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
--! Included checkout/internal/set_hold_end.sql
/*
 * Until when the nights of a booking that waits for its payment are held. While Stripe could still
 * take the money they outlast the guest's time by ten minutes: so long Stripe may take to say
 * whether it was paid, and who wants the nights is told that they are taken. While the bank decides
 * they have no time here: expire_holds() ends them a day after the guest's time. The caller holds
 * the locks on units and booking.
 */
create or replace function app_hidden.set_hold_end(
  booking app_public.bookings, payment_status app_public.payment_status
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.calendar_claims c
  set expires_at = case payment_status
    when 'processing' then null
    when 'cancelled' then booking.hold_expires_at
    else booking.hold_expires_at + interval '10 minutes'
  end
  where c.booking_id = booking.id and c.kind = 'hold'
$$;

comment on function app_hidden.set_hold_end(app_public.bookings, app_public.payment_status) is
  'Holds the nights of a booking for as long as its payment may take.';
--! EndIncluded checkout/internal/set_hold_end.sql
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
  v_booking app_public.bookings := app_hidden.require_guest_booking(begin_payment.booking_id);
  v_payment app_public.payments;
begin
  v_booking := app_hidden.lock_booking(v_booking.id);
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
    perform app_hidden.add_job(
      'payment__end_hold',
      jsonb_build_object('paymentId', v_payment.id),
      'payment__end_hold:' || v_payment.id,
      run_at => v_booking.hold_expires_at
    );
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
 * Notes which intent Stripe made for a payment; from now on the nights are freed only when Stripe
 * has said that it was not paid (end_hold). Where the booking ended while Stripe was being asked,
 * the intent is cancelled again, so that nobody pays for nothing. The booking is locked first: one
 * that ends at the same moment either sees the intent, or is seen here to have ended.
 * Locks: units, booking, then payment.
 */
create or replace function app_private.attach_payment_intent(payment_id uuid, intent_id text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
begin
  select b.* into v_booking
  from app_public.payments p join app_public.bookings b on b.id = p.booking_id
  where p.id = attach_payment_intent.payment_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  update app_public.payments p
  set stripe_payment_intent_id = attach_payment_intent.intent_id
  where p.id = attach_payment_intent.payment_id and p.stripe_payment_intent_id is null;
  if not found then
    return;
  end if;
  if v_booking.status = 'pending_payment' then
    perform app_hidden.set_hold_end(v_booking, 'requires_payment');
  elsif v_booking.status in ('expired', 'cancelled', 'declined') then
    perform app_hidden.queue_intent_cancellation(attach_payment_intent.payment_id);
  end if;
end
$$;

grant execute on function app_private.attach_payment_intent(uuid, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.attach_payment_intent(uuid, text) is
  'Notes Stripe''s intent of a payment.';
--! EndIncluded checkout/server/attach_payment_intent.sql
--! Included checkout/server/end_hold.sql
/*
 * The guest's time to pay is over: Stripe is asked to take no more money before the nights are
 * freed. What it answers ends the booking, or confirms one that was paid in time
 * (apply_payment_intent). A payment that has no intent cannot have been paid, and ends at once.
 * Locks: units, booking.
 */
create or replace function app_private.end_hold(payment_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings;
  v_payment app_public.payments;
begin
  select p.* into v_payment from app_public.payments p where p.id = end_hold.payment_id;
  select b.* into v_booking from app_public.bookings b where b.id = v_payment.booking_id;
  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  if v_booking.status is distinct from 'pending_payment'
    or v_booking.hold_expires_at > app_hidden.clock()
  then
    return;
  end if;
  select p.* into v_payment from app_public.payments p where p.id = end_hold.payment_id;
  if v_payment.stripe_payment_intent_id is null then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The hold ended before payment.'
    where b.id = v_booking.id;
  elsif v_payment.status not in ('failed', 'cancelled') then
    perform app_hidden.queue_intent_cancellation(v_payment.id);
  end if;
end
$$;

grant execute on function app_private.end_hold(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.end_hold(uuid) is
  'Asks Stripe before the nights of a hold that is over are freed.';
--! EndIncluded checkout/server/end_hold.sql
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
  if v_payment.status not in (
    'requires_payment', 'requires_action', 'processing', 'authorised'
  ) then
    return 'unchanged';
  end if;
  if apply_payment_intent.intent_status = 'succeeded' then
    return app_hidden.record_capture(
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
  where p.id = v_payment.id
  returning * into v_payment;
  perform app_hidden.set_hold_end(v_booking, v_payment.status);
  -- Now it is known that the guest did not pay in time.
  if v_payment.status = 'cancelled' and v_booking.status = 'pending_payment'
    and v_booking.hold_expires_at <= app_hidden.clock()
  then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The hold ended before payment.'
    where b.id = v_booking.id;
  end if;
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
