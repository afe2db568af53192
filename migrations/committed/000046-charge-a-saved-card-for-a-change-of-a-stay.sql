--! Previous: sha1:6d1b4763861d0414a359a86ebb2da32e441b670d
--! Hash: sha1:9328e3db268a81210dfd1a5710058d9b2f8d619c
--! Message: charge a saved card for a change of a stay

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +1 -0   foundation/event_types.sql
--   +15 -1  bookings/tables/alterations.sql
--   +1 -1   notifications/tables/mails.sql
--   +3 -0   notifications/internal/mails_of_event.sql
--   +10 -3  checkout/internal/settle_alteration.sql
--   +13 -6  checkout/mutations/propose_alteration.sql
--   new     checkout/server/alteration_to_charge.sql
--   new     checkout/server/note_charge_failed.sql
-- (npm run db:commit wrote these lines.)

-- A saved card is charged for a change of a stay.
alter table app_public.alterations add column if not exists
  charge_saved_card boolean not null default false;
alter table app_public.alterations add column if not exists charge_failed_at timestamptz;
alter table app_public.alterations drop constraint if exists alterations_guest_lets_charge;
alter table app_public.alterations add constraint alterations_guest_lets_charge
  check (not charge_saved_card or proposed_by = 'guest');
alter table app_private.mails drop constraint if exists mails_kind_is_known;
alter table app_private.mails add constraint mails_kind_is_known check (
  kind in (
    'booking_confirmed_guest', 'booking_confirmed_host', 'booking_cancelled_guest',
    'booking_cancelled_host', 'late_payment_refunded', 'refund_sent', 'refund_failed',
    'booking_requested_guest', 'booking_requested_host', 'request_ended_guest',
    'request_ended_host', 'alteration_proposed', 'alteration_accepted', 'alteration_applied',
    'alteration_ended', 'no_show_guest', 'alteration_not_charged'
  )
);
drop function if exists app_public.propose_alteration(
  uuid, text, date, date, integer, integer, integer, integer
);

--! Included foundation/event_types.sql
/*
 * The names of all events, with one sentence each. A name is the noun and what has become of it;
 * the statuses of listings, bookings, payments and refunds are used as they are.
 */
create table if not exists app_private.event_types (
  name text constraint event_types_pkey primary key,
  description text not null,

  constraint event_types_name_has_shape check (name ~ '^[a-z]+\.[a-z_]+$')
);

alter table app_private.event_types enable row level security;
alter table app_private.event_types force row level security;

comment on table app_private.event_types is 'What events can tell, one sentence each.';

select app_hidden.drop_policies('app_private.event_types');

insert into app_private.event_types (name, description)
values
  ('person.created', 'Somebody has joined.'),
  ('person.updated', 'A profile has changed, or its person has become a host.'),
  ('listing.created', 'A host has begun a listing.'),
  ('listing.updated', 'What guests see of a listing has changed, such as a photo or a rate.'),
  ('listing.draft', 'A listing is a draft again.'),
  ('listing.pending_approval', 'A listing waits for the operator.'),
  ('listing.published', 'Everybody sees a listing.'),
  ('listing.paused', 'A host has taken a listing out of search for a while.'),
  ('listing.suspended', 'The operator has taken a listing out of search.'),
  ('listing.archived', 'A listing has ended.'),
  ('booking.created', 'A guest holds nights and has not paid yet.'),
  ('booking.pending_payment', 'A booking waits for payment again.'),
  ('booking.requested', 'The money for a booking is set aside, and its host is asked.'),
  ('booking.accepted', 'A host has accepted a booking, and its money is being taken.'),
  ('booking.confirmed', 'A stay is sold.'),
  ('booking.completed', 'A stay is over.'),
  ('booking.expired', 'A booking has ended because nobody paid or answered in time.'),
  ('booking.declined', 'A host has declined a booking.'),
  ('booking.cancelled', 'The guest, the host or the operator has cancelled a booking.'),
  ('booking.checked_in', 'A guest has arrived.'),
  ('booking.checked_out', 'A guest has left.'),
  ('booking.no_show', 'The host says that nobody came.'),
  ('alteration.proposed', 'One side proposes another stay in place of a sold one.'),
  ('alteration.accepted', 'A change of a stay is accepted and waits for its payment.'),
  ('alteration.charge_failed', 'A saved card could not be charged for a change of a stay.'),
  ('alteration.applied', 'A stay has changed.'),
  ('alteration.declined', 'The other side has declined a change of a stay.'),
  ('alteration.withdrawn', 'A change of a stay was given up.'),
  ('alteration.expired', 'A change of a stay was not answered or paid in time.'),
  ('payment.created', 'A guest has begun to pay.'),
  ('payment.requires_payment', 'A payment needs another attempt.'),
  ('payment.requires_action', 'A payment waits for the guest, such as for a check by the bank.'),
  ('payment.processing', 'A bank decides on a payment.'),
  ('payment.authorised', 'Money is set aside for a payment and not taken yet.'),
  ('payment.captured', 'Money has been taken, or taken again after a refund has failed.'),
  ('payment.partially_refunded', 'Some of a payment has been given back.'),
  ('payment.refunded', 'All of a payment has been given back.'),
  ('payment.failed', 'A payment has failed for good.'),
  ('payment.cancelled', 'A payment has ended before money was taken.'),
  ('payment.disputed', 'A guest''s bank disputes a payment.'),
  ('refund.created', 'Money is to be given back.'),
  ('refund.requested', 'A refund is asked for again.'),
  ('refund.pending', 'Stripe has taken up a refund.'),
  ('refund.succeeded', 'Money has been given back.'),
  ('refund.failed', 'A bank has refused a refund; the money is with the marketplace.'),
  ('review.created', 'Somebody has written a review.'),
  ('review.published', 'Everybody can read a review.')
on conflict (name) do update set description = excluded.description;
--! EndIncluded foundation/event_types.sql
--! Included bookings/tables/alterations.sql
/*
 * A change of the dates or guests of a sold stay, with a quote of its own: what one side proposes
 * and the other accepts. The row keeps the stay and its amounts before and after.
 */
create table if not exists app_public.alterations (
  id uuid not null default uuidv7() constraint alterations_pkey primary key,
  booking_id uuid not null,
  sequence smallint not null,
  quote_id uuid not null
    constraint alterations_quote_id_fkey references app_public.quotes on delete restrict,
  proposed_by app_public.booking_actor not null,
  status app_public.alteration_status not null default 'proposed',
  status_actor app_public.booking_actor not null,
  reason app_public.prose not null default '',
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint alterations_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  old_check_in date not null,
  old_check_out date not null,
  old_guests smallint not null,
  old_total_amount bigint not null,
  old_host_amount bigint not null,
  old_platform_amount bigint not null,
  difference_amount bigint not null generated always as (total_amount - old_total_amount) stored,
  expires_at timestamptz not null,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),
  charge_saved_card boolean not null default false,
  charge_failed_at timestamptz,

  constraint alterations_booking_fkey foreign key (booking_id, currency)
    references app_public.bookings (id, currency) on delete restrict,
  constraint alterations_sequence_key unique (booking_id, sequence),
  constraint alterations_quote_id_key unique (quote_id),
  constraint alterations_proposer_is_party check (proposed_by in ('guest', 'host')),
  constraint alterations_guest_lets_charge check (not charge_saved_card or proposed_by = 'guest'),
  constraint alterations_shares_sum check (host_amount + platform_amount = total_amount),
  constraint alterations_reason_is_bounded check (length(reason) <= 1000)
);

alter table app_public.alterations enable row level security;
alter table app_public.alterations force row level security;

-- One change of a booking is open at a time.
create unique index if not exists alterations_one_open_a_booking
  on app_public.alterations (booking_id) where status in ('proposed', 'accepted');
create index if not exists alterations_booking_idx
  on app_public.alterations (booking_id, currency);
create index if not exists alterations_currency_idx on app_public.alterations (currency);
-- end_alterations() walks those whose time is over.
create index if not exists alterations_open_idx on app_public.alterations (expires_at)
  where status in ('proposed', 'accepted');

create or replace trigger _100_touch
  before update on app_public.alterations
  for each row execute function app_hidden.tg__touch();
create or replace trigger _110_immutable
  before update of id, booking_id, sequence, quote_id, proposed_by, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, old_check_in, old_check_out, old_guests,
    old_total_amount, old_host_amount, old_platform_amount, charge_saved_card
  on app_public.alterations
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _120_kept
  before delete on app_public.alterations
  for each row execute function app_hidden.tg__immutable();

create or replace trigger _600_created
  after insert on app_public.alterations
  for each row execute function
    app_hidden.tg__append_event('alteration.{status}', 'id', 'booking_id');
create or replace trigger _600_status
  after update of status on app_public.alterations
  for each row when (OLD.status is distinct from NEW.status)
  execute function app_hidden.tg__append_event('alteration.{status}', 'id', 'booking_id');

create or replace trigger _600_charge_failed
  after update of charge_failed_at on app_public.alterations
  for each row when (OLD.charge_failed_at is null and NEW.charge_failed_at is not null)
  execute function app_hidden.tg__append_event('alteration.charge_failed', 'id', 'booking_id');

-- Nights that an accepted change holds until its difference is paid, beside those of the stay.
do $$
begin
  alter table app_public.calendar_claims
    add constraint calendar_claims_alteration_id_fkey foreign key (alteration_id)
    references app_public.alterations (id) on delete restrict;
exception
  when duplicate_object then null;
end
$$;

comment on table app_public.alterations is
  'A change of the dates or guests of a booking, for its guest and its host.';
comment on column app_public.alterations.id is 'Public id of the alteration.';
comment on column app_public.alterations.booking_id is 'The booking that is changed.';
comment on column app_public.alterations.sequence is 'Which change of the booking it is, from 1.';
comment on column app_public.alterations.quote_id is
  'The price of the stay as it shall be, with its line items.';
comment on column app_public.alterations.proposed_by is 'Who proposed it: the guest or the host.';
comment on column app_public.alterations.status is 'Where it is.';
comment on column app_public.alterations.status_actor is 'Who brought it there.';
comment on column app_public.alterations.reason is 'What the side that ended it said.';
comment on column app_public.alterations.check_in is 'First night of the new stay, local date.';
comment on column app_public.alterations.check_out is 'Day of leaving, local date.';
comment on column app_public.alterations.guests is 'How many people shall stay.';
comment on column app_public.alterations.currency is 'ISO 4217 currency.';
comment on column app_public.alterations.total_amount is
  'What the new stay costs the guest, in minor units.';
comment on column app_public.alterations.host_amount is
  'What the host earns of the new stay, in minor units.';
comment on column app_public.alterations.platform_amount is
  'What the platform earns of the new stay, in minor units.';
comment on column app_public.alterations.old_check_in is 'First night before the change.';
comment on column app_public.alterations.old_check_out is 'Day of leaving before the change.';
comment on column app_public.alterations.old_guests is 'How many people were to stay before.';
comment on column app_public.alterations.old_total_amount is
  'What the stay cost before, in minor units.';
comment on column app_public.alterations.old_host_amount is
  'What the host earned before, in minor units.';
comment on column app_public.alterations.old_platform_amount is
  'What the platform earned before, in minor units.';
comment on column app_public.alterations.difference_amount is
  'What the guest pays more, in minor units; below zero, what goes back.';
comment on column app_public.alterations.expires_at is
  'Until when it can be accepted, or the difference paid.';
comment on column app_public.alterations.charge_saved_card is
  'Whether a saved card of the guest is charged once the host accepts.';
comment on column app_public.alterations.charge_failed_at is
  'When the saved card could not be charged; the guest may pay until expiresAt.';
comment on column app_public.alterations.created_at is 'When it was proposed.';
comment on column app_public.alterations.updated_at is 'When it last changed.';

-- What a client is told: the code, and the sentence.
comment on constraint alterations_sequence_key on app_public.alterations is
  'INTERNAL: The changes of a booking are counted.';
comment on constraint alterations_quote_id_key on app_public.alterations is
  'INTERNAL: A change has a quote of its own.';
comment on constraint alterations_proposer_is_party on app_public.alterations is
  'INTERNAL: A guest or a host proposes a change.';
comment on constraint alterations_guest_lets_charge on app_public.alterations is
  'INTERNAL: Only what the guest has proposed is charged without the guest.';
comment on constraint alterations_shares_sum on app_public.alterations is
  'INTERNAL: The shares of a stay are its total.';
comment on constraint alterations_reason_is_bounded on app_public.alterations is
  'INVALID_INPUT: A reason has at most 1000 characters.';
--! EndIncluded bookings/tables/alterations.sql
--! Included notifications/tables/mails.sql
/*
 * Mail that is owed, one row for each event and person. The row and the job that sends it are
 * written together; the job marks it. Its id makes the Message-ID, so that a mail sent twice by a
 * crash is one mail to the reader. Mails of the first release, which had no events, have none.
 */
create table if not exists app_private.mails (
  id uuid not null default uuidv7() constraint mails_pkey primary key,
  kind text not null,
  user_id uuid not null
    constraint mails_user_id_fkey references app_public.users on delete cascade,
  booking_id uuid not null
    constraint mails_booking_id_fkey references app_public.bookings on delete cascade,
  created_at timestamptz not null default app_hidden.clock(),
  sent_at timestamptz,
  event_id bigint
    constraint mails_event_id_fkey references app_private.events on delete set null,

  -- However often an event is read, a person is told once.
  constraint mails_occasion_key unique (event_id, user_id),
  constraint mails_kind_is_known check (
    kind in (
      'booking_confirmed_guest', 'booking_confirmed_host', 'booking_cancelled_guest',
      'booking_cancelled_host', 'late_payment_refunded', 'refund_sent', 'refund_failed',
      'booking_requested_guest', 'booking_requested_host', 'request_ended_guest',
      'request_ended_host', 'alteration_proposed', 'alteration_accepted', 'alteration_applied',
      'alteration_ended', 'no_show_guest', 'alteration_not_charged'
    )
  )
);

alter table app_private.mails enable row level security;
alter table app_private.mails force row level security;

create index if not exists mails_user_id_idx on app_private.mails (user_id);
create index if not exists mails_booking_id_idx on app_private.mails (booking_id);

comment on table app_private.mails is 'Mail that is owed or was sent, one a person and occasion.';
--! EndIncluded notifications/tables/mails.sql
--! Included notifications/internal/mails_of_event.sql
/*
 * Who is told of an event by mail, and with which mail: the whole list.
 */
create or replace function app_hidden.mails_of_event(type text, subject uuid)
returns table (kind text, user_id uuid, booking_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_confirmed_guest', b.guest_id),
    ('booking_confirmed_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.confirmed' and b.id = mails_of_event.subject
  union all
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_cancelled_guest', b.guest_id),
    ('booking_cancelled_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.cancelled' and b.id = mails_of_event.subject
    and b.confirmed_at is not null
  union all
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('booking_requested_guest', b.guest_id),
    ('booking_requested_host', b.host_id)
  ) m (kind, user_id)
  where mails_of_event.type = 'booking.requested' and b.id = mails_of_event.subject
  union all
  select 'no_show_guest', b.guest_id, b.id
  from app_public.bookings b
  where mails_of_event.type = 'booking.no_show' and b.id = mails_of_event.subject
    and b.no_show_at is not null
  union all
  -- A request that came to nothing. Who ended it knows; the host hears of no request that was none.
  select m.kind, m.user_id, b.id
  from app_public.bookings b
  cross join lateral (values
    ('request_ended_guest', b.guest_id, b.status_actor <> 'guest'),
    ('request_ended_host', b.host_id, b.status_actor <> 'host' and exists (
      select from app_public.booking_events e
      where e.booking_id = b.id and e.to_status = 'requested'
    ))
  ) m (kind, user_id, is_news)
  where mails_of_event.type in ('booking.declined', 'booking.expired', 'booking.cancelled')
    and b.id = mails_of_event.subject and b.answer_due_at is not null and b.confirmed_at is null
    and m.is_news
  union all
  -- Of a change both sides hear, but for what one has just done oneself.
  select m.kind, m.user_id, b.id
  from app_public.alterations a
  join app_public.bookings b on b.id = a.booking_id
  cross join lateral (values ('guest', b.guest_id), ('host', b.host_id)) side (actor, user_id)
  cross join lateral (
    select side.user_id, case
      when mails_of_event.type = 'alteration.proposed' and side.actor <> a.proposed_by::text
        then 'alteration_proposed'
      when mails_of_event.type = 'alteration.accepted' and side.actor = 'guest'
          and not a.charge_saved_card
        then 'alteration_accepted'
      when mails_of_event.type = 'alteration.charge_failed' and side.actor = 'guest'
        then 'alteration_not_charged'
      when mails_of_event.type = 'alteration.applied' then 'alteration_applied'
      when mails_of_event.type in (
          'alteration.declined', 'alteration.withdrawn', 'alteration.expired'
        ) and side.actor <> a.status_actor::text and b.status = 'confirmed'
        then 'alteration_ended'
    end as kind
  ) m
  where a.id = mails_of_event.subject and m.kind is not null
  union all
  -- Each refund says for itself that it has arrived, or that it has not, and why it was made.
  select
    case
      when mails_of_event.type = 'refund.failed' then 'refund_failed'
      when r.reason_code = 'late_payment' then 'late_payment_refunded'
      else 'refund_sent'
    end,
    b.guest_id, b.id
  from app_public.refunds r
  join app_public.payments p on p.id = r.payment_id
  join app_public.bookings b on b.id = p.booking_id
  where mails_of_event.type in ('refund.succeeded', 'refund.failed')
    and r.id = mails_of_event.subject
    -- Another refund has taken its place: the guest hears of that one.
    and (mails_of_event.type = 'refund.succeeded' or r.needs_attention)
$$;

comment on function app_hidden.mails_of_event(text, uuid) is 'The mails that an event asks for.';
--! EndIncluded notifications/internal/mails_of_event.sql
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
--! Included checkout/mutations/propose_alteration.sql
/*
 * A guest or a host proposes another stay in place of a sold one. It is priced now, and that price
 * stands while the proposal does: 24 hours, and no longer than the stay. Where the host's setting
 * accepts changes, a guest's is accepted at once that keeps to the listing's rules and costs no
 * less. Locks: the key, the units, then the booking.
 */
create or replace function app_public.propose_alteration(
  booking_id uuid, idempotency_key text, check_in date, check_out date, guests integer,
  children integer default null, infants integer default null, pets integer default null,
  charge_saved_card boolean default false
) returns app_public.alterations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking app_public.bookings := app_hidden.require_own_booking(propose_alteration.booking_id);
  v_actor app_public.booking_actor := case app_hidden.require_user_id()
    when v_booking.host_id then 'host' else 'guest'
  end;
  v_once record;
  v_asked app_hidden.asked_stay;
  v_quote app_public.quotes;
  v_alteration app_public.alterations;
  v_until timestamptz;
begin
  if v_actor = 'host' and propose_alteration.charge_saved_card then
    raise exception 'Only a guest says that the guest''s card is charged.'
      using errcode = 'SBG02', column = 'charge_saved_card';
  end if;
  v_once := app_hidden.begin_once(
    propose_alteration.idempotency_key, 'propose_alteration',
    jsonb_build_object(
      'id', v_booking.id, 'checkIn', propose_alteration.check_in,
      'checkOut', propose_alteration.check_out, 'guests', propose_alteration.guests
    ) || jsonb_strip_nulls(jsonb_build_object(
      'children', propose_alteration.children, 'infants', propose_alteration.infants,
      'pets', propose_alteration.pets,
      'chargeSavedCard', nullif(propose_alteration.charge_saved_card, false)
    ))
  );
  if v_once.ran_before then
    select a.* into v_alteration from app_public.alterations a where a.id = v_once.result_id;
    return v_alteration;
  end if;

  perform app_hidden.lock_units(v_booking.listing_id);
  v_booking := app_hidden.lock_booking(v_booking.id);
  update app_public.alterations a
  set status = 'expired', status_actor = 'system', reason = 'Nobody answered in time.'
  where a.booking_id = v_booking.id and a.status = 'proposed'
    and a.expires_at <= app_hidden.clock();
  v_asked := (
    propose_alteration.check_in, propose_alteration.check_out, propose_alteration.guests,
    coalesce(propose_alteration.children, v_booking.children),
    coalesce(propose_alteration.infants, v_booking.infants),
    coalesce(propose_alteration.pets, v_booking.pets)
  );
  perform app_hidden.require_alterable(v_booking, v_asked);
  perform app_hidden.alteration_nights(
    v_booking, propose_alteration.check_in, propose_alteration.check_out
  );
  v_until := least(
    app_hidden.clock() + interval '24 hours',
    v_booking.check_out::timestamp at time zone v_booking.time_zone
  );
  v_quote := app_hidden.quote_alteration(v_booking, v_asked, v_until);
  insert into app_public.alterations (
    booking_id, sequence, quote_id, proposed_by, status_actor, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, old_check_in, old_check_out, old_guests,
    old_total_amount, old_host_amount, old_platform_amount, expires_at, charge_saved_card
  )
  values (
    v_booking.id,
    1 + (select count(*) from app_public.alterations a where a.booking_id = v_booking.id),
    v_quote.id, v_actor, v_actor, v_quote.check_in, v_quote.check_out, v_quote.guests,
    v_quote.currency, v_quote.total_amount, v_quote.host_amount, v_quote.platform_amount,
    v_booking.check_in, v_booking.check_out, v_booking.guests, v_booking.total_amount,
    v_booking.host_amount, v_booking.platform_amount, v_until,
    coalesce(propose_alteration.charge_saved_card, false)
  )
  returning * into v_alteration;
  if v_actor = 'guest' and app_hidden.host_lets_alter(v_booking, v_alteration) then
    v_alteration := app_hidden.settle_alteration(v_booking, v_alteration, 'system');
  end if;
  perform app_hidden.end_once(propose_alteration.idempotency_key, v_alteration.id);
  return v_alteration;
end
$$;

grant execute on function app_public.propose_alteration(
  uuid, text, date, date, integer, integer, integer, integer, boolean
) to :DATABASE_VISITOR;

comment on function app_public.propose_alteration(
  uuid, text, date, date, integer, integer, integer, integer, boolean
) is
  'Proposes other dates or another party for a sold stay, for its guest or its host. '
  'The answer says what it costs more or less; the other side accepts or declines within 24 hours. '
  'To leave early is to propose an earlier check-out. A repeated call with the same key returns '
  'the same proposal.';
--! EndIncluded checkout/mutations/propose_alteration.sql
--! Included checkout/server/alteration_to_charge.sql
create or replace function app_private.alteration_to_charge(
  alteration_id uuid, out booking_id uuid, out guest_id uuid
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.id, b.guest_id
  from app_public.alterations a join app_public.bookings b on b.id = a.booking_id
  where a.id = alteration_to_charge.alteration_id and a.charge_saved_card
    and a.status = 'accepted' and a.expires_at > app_hidden.clock()
$$;

grant execute on function app_private.alteration_to_charge(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.alteration_to_charge(uuid) is
  'Whose saved card is charged for which booking; nulls where nothing is to be charged any more.';
--! EndIncluded checkout/server/alteration_to_charge.sql
--! Included checkout/server/note_charge_failed.sql
/*
 * The guest's saved card could not be charged for a change of a stay: the guest is told, once, and
 * pays it as any other, until its time is over.
 */
create or replace function app_private.note_charge_failed(alteration_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.alterations a
  set charge_failed_at = app_hidden.clock()
  where a.id = note_charge_failed.alteration_id and a.status = 'accepted'
    and a.charge_failed_at is null
$$;

grant execute on function app_private.note_charge_failed(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.note_charge_failed(uuid) is
  'Notes that a saved card could not be charged for a change of a stay, and tells the guest.';
--! EndIncluded checkout/server/note_charge_failed.sql
