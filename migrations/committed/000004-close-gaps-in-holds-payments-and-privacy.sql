--! Previous: sha1:45e5ff0ce1ac123674cf61b84c1711a775a64015
--! Hash: sha1:8a4acf754f1d21a5f9f642c410ca2eac66d415bc
--! Message: close gaps in holds, payments and privacy

--! split: 1-current.sql
-- The policy that a stay is sold under belongs to the offer.
alter table app_public.quotes
  add column if not exists cancellation_policy app_public.cancellation_policy;
update app_public.quotes q
set cancellation_policy = coalesce(
  (select b.cancellation_policy from app_public.bookings b where b.quote_id = q.id),
  (select l.cancellation_policy from app_public.listings l where l.id = q.listing_id)
)
where q.cancellation_policy is null;
-- The line items are compared at commit; a table with that before it cannot be altered.
set constraints all immediate;
alter table app_public.quotes alter column cancellation_policy set not null;
--! Included listings/internal/write_listing_address.sql
/*
 * The public place is the exact one, moved by the listing's secret offset. Listings of one host that
 * are next to each other share it: several points around one house would give the house away.
 */
create or replace function app_hidden.write_listing_address(
  listing_id uuid,
  street text,
  city text,
  country_code text,
  time_zone text,
  longitude double precision,
  latitude double precision,
  postal_code text,
  region text,
  directions text
) returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
begin
  insert into app_public.listing_addresses as a
    (listing_id, street, postal_code, directions, longitude, latitude)
  values (
    write_listing_address.listing_id,
    write_listing_address.street,
    write_listing_address.postal_code,
    write_listing_address.directions,
    write_listing_address.longitude,
    write_listing_address.latitude
  )
  on conflict on constraint listing_addresses_pkey do update
    set street = excluded.street, postal_code = excluded.postal_code,
        directions = excluded.directions, longitude = excluded.longitude,
        latitude = excluded.latitude
    where row(a.street, a.postal_code, a.directions, a.longitude, a.latitude) is distinct from
      row(excluded.street, excluded.postal_code, excluded.directions, excluded.longitude, excluded.latitude);

  insert into app_private.listing_offsets (listing_id, bearing, distance_m)
  select l.id, o.bearing, o.distance_m
  from app_public.listings l
  join app_public.listings other on other.host_id = l.host_id and other.id <> l.id
  join app_public.listing_addresses a on a.listing_id = other.id
  join app_private.listing_offsets o on o.listing_id = other.id
  where l.id = write_listing_address.listing_id
    -- Some 200 m; more than needed does no harm.
    and abs(a.latitude - write_listing_address.latitude) < 0.002
    and abs(a.longitude - write_listing_address.longitude)
      * greatest(cos(radians(write_listing_address.latitude)), 0.01) < 0.002
  order by other.id
  limit 1
  on conflict on constraint listing_offsets_pkey do nothing;
  insert into app_private.listing_offsets (listing_id) values (write_listing_address.listing_id)
  on conflict on constraint listing_offsets_pkey do nothing;

  update app_public.listings l
  set time_zone = write_listing_address.time_zone,
      country_code = upper(write_listing_address.country_code),
      region = write_listing_address.region,
      city = btrim(write_listing_address.city),
      public_longitude = p.public_longitude,
      public_latitude = p.public_latitude
  from app_private.listing_offsets o
  cross join lateral app_hidden.offset_place(
    write_listing_address.longitude, write_listing_address.latitude, o.bearing, o.distance_m
  ) p
  where l.id = write_listing_address.listing_id and o.listing_id = l.id
  returning l.* into v_listing;
  return v_listing;
end
$$;

comment on function app_hidden.write_listing_address(
  uuid, text, text, text, text, double precision, double precision, text, text, text
) is 'Writes the exact and the public place of a listing together.';
--! EndIncluded listings/internal/write_listing_address.sql
--! Included pricing/tables/quotes.sql
/*
 * A priced offer for one stay, to one person, for half an hour. It is booked as it stands; a sold
 * price is never computed again, so a quote that was booked stays for ever.
 */
create table if not exists app_public.quotes (
  id uuid not null default uuidv7() constraint quotes_pkey primary key,
  listing_id uuid not null
    constraint quotes_listing_id_fkey references app_public.listings on delete restrict,
  guest_id uuid not null
    constraint quotes_guest_id_fkey references app_public.users on delete restrict,
  check_in date not null,
  check_out date not null,
  guests smallint not null,
  currency text not null
    constraint quotes_currency_fkey references app_public.currencies on delete restrict,
  total_amount bigint not null,
  host_amount bigint not null,
  platform_amount bigint not null,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '30 minutes',
  cancellation_policy app_public.cancellation_policy not null,

  -- Line items refer to both, so that they cannot be in another currency.
  constraint quotes_currency_key unique (id, currency),
  constraint quotes_stay_is_ordered check (check_in < check_out),
  constraint quotes_guests_are_positive check (guests > 0),
  -- M7, first half: the shares are the whole. The line items are compared at commit.
  constraint quotes_shares_sum check (host_amount + platform_amount = total_amount),
  constraint quotes_amounts_are_not_negative
    check (total_amount > 0 and host_amount >= 0 and platform_amount >= 0)
);

alter table app_public.quotes enable row level security;
alter table app_public.quotes force row level security;

create index if not exists quotes_guest_id_idx on app_public.quotes (guest_id, id);
create index if not exists quotes_listing_id_idx on app_public.quotes (listing_id);
create index if not exists quotes_currency_idx on app_public.quotes (currency);

-- A price stands, for every role.
create or replace trigger _100_append_only
  before update of id, listing_id, guest_id, check_in, check_out, guests, currency,
    total_amount, host_amount, platform_amount, cancellation_policy
  on app_public.quotes
  for each row execute function app_hidden.tg__append_only();

comment on table app_public.quotes is 'A priced offer for one stay that can be booked until it expires.';
comment on column app_public.quotes.id is 'Public id of the quote, by which it is booked.';
comment on column app_public.quotes.listing_id is 'The listing.';
comment on column app_public.quotes.guest_id is 'To whom it is offered.';
comment on column app_public.quotes.check_in is 'First night, local date.';
comment on column app_public.quotes.check_out is 'Day of leaving, local date.';
comment on column app_public.quotes.guests is 'How many people stay.';
comment on column app_public.quotes.currency is 'ISO 4217 currency.';
comment on column app_public.quotes.total_amount is 'What the guest pays, in minor units.';
comment on column app_public.quotes.host_amount is 'What the host earns of it, in minor units.';
comment on column app_public.quotes.platform_amount is 'What the platform earns of it, in minor units.';
comment on column app_public.quotes.created_at is 'When it was made.';
comment on column app_public.quotes.expires_at is 'Until when it can be booked.';
comment on column app_public.quotes.cancellation_policy is 'The policy that the stay would be sold under.';
--! EndIncluded pricing/tables/quotes.sql
--! Included pricing/mutations/create_quote.sql
create or replace function app_public.create_quote(
  listing_id uuid, check_in date, check_out date, guests integer
) returns app_public.quotes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_price app_public.stay_price;
  v_quote app_public.quotes;
begin
  if exists (
    select from app_public.listings l
    where l.id = create_quote.listing_id and l.host_id = v_user_id
  ) then
    raise exception 'Hosts do not book their own listing; block the nights instead.'
      using errcode = 'SBB04', column = 'listing_id';
  end if;

  v_price := app_public.quote(
    create_quote.listing_id, create_quote.check_in, create_quote.check_out, create_quote.guests
  );
  -- Stripe takes amounts of eight digits at most.
  if v_price.total_amount > 99999999 then
    raise exception 'The total is more than a card can be charged at once.' using errcode = 'SBP04';
  end if;
  if v_price.total_amount < (
    select c.minimum_charge_amount from app_public.currencies c where c.code = v_price.currency
  ) then
    raise exception 'The total is less than a card can be charged.' using errcode = 'SBP04';
  end if;

  insert into app_public.quotes (
    listing_id, guest_id, check_in, check_out, guests,
    currency, total_amount, host_amount, platform_amount, cancellation_policy
  )
  values (
    v_price.listing_id, v_user_id, v_price.check_in, v_price.check_out, v_price.guests,
    v_price.currency, v_price.total_amount, v_price.host_amount,
    v_price.total_amount - v_price.host_amount,
    (select l.cancellation_policy from app_public.listings l where l.id = v_price.listing_id)
  )
  returning * into v_quote;

  insert into app_public.quote_line_items (
    quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
  )
  select v_quote.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
    i.payer, i.payee
  from unnest(v_price.line_items) with ordinality
    i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);
  return v_quote;
end
$$;

grant execute on function app_public.create_quote(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.create_quote(uuid, date, date, integer) is
  'Prices a stay and keeps the offer for 30 minutes, to be booked as it stands.';
--! EndIncluded pricing/mutations/create_quote.sql
--! Included bookings/internal/booked_listing_ids.sql
-- A hold that ended unpaid gives no lasting right: anybody could have one for nothing.
create or replace function app_hidden.booked_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id()
    and (b.confirmed_at is not null or b.status in ('pending_payment', 'requested'))
$$;

grant execute on function app_hidden.booked_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.booked_listing_ids() is
  'Listings that whoever is signed in has booked, past and cancelled stays included.';
--! EndIncluded bookings/internal/booked_listing_ids.sql
--! Included bookings/internal/confirmed_listing_ids.sql
/*
 * For a week after check-out the address stays readable, for what was left behind; later it, and
 * what the host writes there for other guests, is none of a past guest's business.
 */
create or replace function app_hidden.confirmed_listing_ids() returns setof uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.listing_id from app_public.bookings b
  where b.guest_id = app_public.current_user_id() and b.status in ('confirmed', 'completed')
    and b.check_out > (app_hidden.clock() at time zone b.time_zone)::date - 7
$$;

grant execute on function app_hidden.confirmed_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.confirmed_listing_ids() is
  'Listings where whoever is signed in has a confirmed stay, until a week after check-out.';
--! EndIncluded bookings/internal/confirmed_listing_ids.sql
--! Included pricing/policies/quotes.sql
select app_hidden.drop_policies('app_public.quotes');

create policy definer_all on app_public.quotes to :DATABASE_OWNER using (true) with check (true);
create policy select_own on app_public.quotes for select to :DATABASE_VISITOR
  using (guest_id = (select app_public.current_user_id()));
-- A host sees the price of what was booked, not who asked. An array, so that both policies
-- together can use their indexes.
create policy select_booked on app_public.quotes for select to :DATABASE_VISITOR
  using (id = any (array(select app_hidden.hosted_quote_ids())));
create policy select_operator on app_public.quotes for select to :DATABASE_OPERATOR using (true);
-- No insert, update or delete: create_quote() prices, and a price stands.

grant select on app_public.quotes to :DATABASE_VISITOR;
--! EndIncluded pricing/policies/quotes.sql
--! Included bookings/triggers/tg_bookings__price_stands.sql
/*
 * M7, second half: a booking is sold at its quote's price, whose line items sum to it. Checked for
 * every writer, psql included.
 */
create or replace function app_hidden.tg_bookings__price_stands() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.quotes q
    where q.id = NEW.quote_id and q.currency = NEW.currency and q.total_amount = NEW.total_amount
      and q.host_amount = NEW.host_amount and q.platform_amount = NEW.platform_amount
      and q.cancellation_policy = NEW.cancellation_policy
  ) then
    raise exception 'A booking is sold as its quote says.' using errcode = 'SBM01';
  end if;
  return NEW;
end
$$;

create or replace trigger _300_price_stands
  before insert or update of quote_id, currency, total_amount, host_amount, platform_amount,
    cancellation_policy
  on app_public.bookings
  for each row execute function app_hidden.tg_bookings__price_stands();

comment on function app_hidden.tg_bookings__price_stands() is
  'Refuses a booking at another price than its quote''s.';
--! EndIncluded bookings/triggers/tg_bookings__price_stands.sql
--! Included bookings/internal/sell_stay.sql
/*
 * Turns a paid hold into a sold stay. Where the hold is gone, the nights are taken again on any
 * free unit, if the listing is still open for bookings; false where that cannot be. A bank may take days: a stay that is over by then is not
 * sold either, and its hold, which nothing else would end, is ended here. The caller holds the
 * locks on availability and booking.
 */
create or replace function app_hidden.sell_stay(booking app_public.bookings) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_is_over boolean := booking.hold_expires_at <= app_hidden.clock()
    and booking.check_out <= (app_hidden.clock() at time zone booking.time_zone)::date;
begin
  if booking.status = 'pending_payment' and v_is_over then
    -- A trigger expires the booking with it.
    delete from app_public.calendar_claims c where c.booking_id = booking.id;
    return false;
  elsif booking.status = 'pending_payment' then
    update app_public.calendar_claims c set kind = 'booking', expires_at = null
    where c.booking_id = booking.id
    returning * into v_claim;
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
  else
    return false;
  end if;

  update app_public.bookings b
  set status = 'confirmed', status_actor = 'system', status_reason = 'Paid.',
      unit_number = v_claim.unit_number
  where b.id = booking.id;
  return true;
end
$$;

comment on function app_hidden.sell_stay(app_public.bookings) is
  'Confirms a paid booking; false where its nights are gone.';
--! EndIncluded bookings/internal/sell_stay.sql
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
    limit 50000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_quotes() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_quotes() is
  'Removes unsold quotes a week after they ended, 50,000 at most; says how many.';
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
--! Included payments/tables/payments.sql
/*
 * A charge of a booking's guest. The amount is the booking's, read by the database; Stripe's intent
 * follows the row, whose id is the idempotency key.
 */
do $$
begin
  create type app_public.payment_status as enum (
    'requires_payment', 'requires_action', 'processing', 'authorised', 'captured',
    'partially_refunded', 'refunded', 'failed', 'cancelled', 'disputed'
  );
exception
  when duplicate_object then null;
end
$$;

create table if not exists app_public.payments (
  id uuid not null default uuidv7() constraint payments_pkey primary key,
  booking_id uuid not null
    constraint payments_booking_id_fkey references app_public.bookings on delete restrict,
  status app_public.payment_status not null default 'requires_payment',
  currency text not null
    constraint payments_currency_fkey references app_public.currencies on delete restrict,
  amount bigint not null,
  captured_amount bigint not null default 0,
  refunded_amount bigint not null default 0,
  stripe_payment_intent_id text,
  stripe_charge_id text,
  failure_code text,
  created_at timestamptz not null default app_hidden.clock(),
  updated_at timestamptz not null default app_hidden.clock(),

  constraint payments_stripe_payment_intent_id_key unique (stripe_payment_intent_id),
  constraint payments_stripe_charge_id_key unique (stripe_charge_id),
  constraint payments_amounts_are_ordered check (
    amount > 0 and captured_amount between 0 and amount
    and refunded_amount between 0 and captured_amount
  ),
  constraint payments_captured_has_charge
    check (captured_amount = 0 or stripe_charge_id is not null)
);

alter table app_public.payments enable row level security;
alter table app_public.payments force row level security;

-- M6: at most one payment of a booking is alive or has taken money.
create unique index if not exists payments_one_live_a_booking
  on app_public.payments (booking_id) where status not in ('failed', 'cancelled');
-- follow_stripe() asks after payments that have been open for long.
create index if not exists payments_open_idx on app_public.payments (created_at)
  where status in ('requires_payment', 'requires_action', 'processing', 'authorised');
create index if not exists payments_booking_id_idx on app_public.payments (booking_id);
create index if not exists payments_currency_idx on app_public.payments (currency);

create or replace trigger _100_touch
  before update on app_public.payments
  for each row execute function app_hidden.tg__touch();

comment on type app_public.payment_status is 'Where a payment is; money has moved from captured on.';
comment on table app_public.payments is 'A charge of a booking''s guest, visible to that guest.';
comment on column app_public.payments.id is 'Public id of the payment.';
comment on column app_public.payments.booking_id is 'What is paid for.';
comment on column app_public.payments.status is 'Where the payment is.';
comment on column app_public.payments.currency is 'ISO 4217 currency.';
comment on column app_public.payments.amount is 'What is to be paid, in minor units.';
comment on column app_public.payments.captured_amount is 'What was taken, in minor units.';
comment on column app_public.payments.refunded_amount is 'What was given back, in minor units.';
comment on column app_public.payments.stripe_payment_intent_id is 'Stripe''s id of the intent.';
comment on column app_public.payments.stripe_charge_id is 'Stripe''s id of the charge that took the money.';
comment on column app_public.payments.failure_code is 'Why the last attempt failed, in Stripe''s words, such as card_declined.';
comment on column app_public.payments.created_at is 'When it was begun.';
comment on column app_public.payments.updated_at is 'When it last changed.';
--! EndIncluded payments/tables/payments.sql
--! Included payments/tables/stripe_events.sql
/*
 * The inbox: what Stripe told us, kept before it is answered (W1). Acting on it is a job's work.
 */
create table if not exists app_private.stripe_events (
  id text not null constraint stripe_events_pkey primary key,
  type text not null,
  object_id text,
  payload jsonb not null,
  received_at timestamptz not null default app_hidden.clock(),
  processed_at timestamptz,

  constraint stripe_events_id_has_shape check (id ~ '^evt_[A-Za-z0-9_]{1,250}$')
);

alter table app_private.stripe_events enable row level security;
alter table app_private.stripe_events force row level security;

-- What is not done yet, oldest first: follow_stripe() looks after it.
create index if not exists stripe_events_waiting_idx
  on app_private.stripe_events (received_at) where processed_at is null;

-- purge_stripe_events() finds what may be forgotten.
create index if not exists stripe_events_processed_at_idx
  on app_private.stripe_events (processed_at) where processed_at is not null;

comment on table app_private.stripe_events is 'Events that Stripe sent, each once.';
--! EndIncluded payments/tables/stripe_events.sql
--! Included payments/policies/ledger_entries.sql
select app_hidden.drop_policies('app_public.ledger_entries');

create policy definer_all on app_public.ledger_entries to :DATABASE_OWNER using (true) with check (true);
-- As an array, and not with "in": that would be a filter over everybody's entries, this is a
-- condition that the index can use.
create policy select_own on app_public.ledger_entries for select to :DATABASE_VISITOR
  using (
    account_id = any (array(
      select a.id from app_public.ledger_accounts a
      where a.user_id = (select app_public.current_user_id())
    ))
  );
create policy select_operator on app_public.ledger_entries for select to :DATABASE_OPERATOR using (true);

grant select on app_public.ledger_entries to :DATABASE_VISITOR;
--! EndIncluded payments/policies/ledger_entries.sql
--! Included payments/policies/ledger_transactions.sql
select app_hidden.drop_policies('app_public.ledger_transactions');

create policy definer_all on app_public.ledger_transactions to :DATABASE_OWNER using (true) with check (true);
-- Whoever has an account in it. An array for the index: see ledger_entries.
create policy select_own on app_public.ledger_transactions for select to :DATABASE_VISITOR
  using (
    id = any (array(
      select e.transaction_id
      from app_public.ledger_entries e
      join app_public.ledger_accounts a on a.id = e.account_id
      where a.user_id = (select app_public.current_user_id())
    ))
  );
create policy select_operator on app_public.ledger_transactions for select to :DATABASE_OPERATOR using (true);
-- No insert: post_ledger(). No update or delete: not even by the owner.

grant select on app_public.ledger_transactions to :DATABASE_VISITOR;
--! EndIncluded payments/policies/ledger_transactions.sql
--! Included payments/internal/stripe_queue.sql
/*
 * What is about one Stripe object is fetched and applied one after the other: of two jobs at once,
 * the slower could apply what it had fetched before the faster. The queues are few, and objects
 * share them: the worker keeps a row for every queue there ever was and looks at all of them.
 */
create or replace function app_hidden.stripe_queue(object_id text) returns text
language sql immutable
return 'stripe:' || (hashtextextended(object_id, 0) & 63);

comment on function app_hidden.stripe_queue(text) is 'The job queue of a Stripe object, one of 64.';
--! EndIncluded payments/internal/stripe_queue.sql
--! Included payments/internal/store_stripe_event.sql
create or replace function app_private.store_stripe_event(
  id text, type text, object_id text, payload jsonb
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_private.stripe_events (id, type, object_id, payload)
  values (
    store_stripe_event.id, store_stripe_event.type, store_stripe_event.object_id,
    store_stripe_event.payload
  )
  on conflict on constraint stripe_events_pkey do nothing;
  if not found then
    return false;
  end if;
  perform app_hidden.add_job(
    'process_stripe_event',
    jsonb_build_object('eventId', store_stripe_event.id),
    'stripe_event:' || store_stripe_event.id,
    max_attempts => 25,
    queue_name => app_hidden.stripe_queue(store_stripe_event.object_id)
  );
  return true;
end
$$;

grant execute on function app_private.store_stripe_event(text, text, text, jsonb)
  to :DATABASE_AUTHENTICATOR;

comment on function app_private.store_stripe_event(text, text, text, jsonb) is
  'Keeps an event and queues its job in one transaction; false where it was kept before.';
--! EndIncluded payments/internal/store_stripe_event.sql
--! Included payments/internal/queue_intent_cancellation.sql
create or replace function app_hidden.queue_intent_cancellation(payment_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.add_job(
    'cancel_payment_intent',
    jsonb_build_object('paymentId', payment_id),
    'cancel_payment_intent:' || payment_id,
    queue_name => (
      select app_hidden.stripe_queue(p.stripe_payment_intent_id) from app_public.payments p
      where p.id = queue_intent_cancellation.payment_id
    )
  )
$$;

comment on function app_hidden.queue_intent_cancellation(uuid) is
  'Asks Stripe to take no more money for a payment.';
--! EndIncluded payments/internal/queue_intent_cancellation.sql
--! Included payments/internal/apply_payment_intent.sql
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

  perform from app_hidden.listing_availability a
  where a.listing_id = v_booking.listing_id order by a.unit_number for update;
  select b.* into v_booking from app_public.bookings b where b.id = v_booking.id for update;
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
--! EndIncluded payments/internal/apply_payment_intent.sql
--! Included payments/internal/follow_stripe.sql
/*
 * The net under the webhooks: an event that was lost, or whose job gave up, must not hold nights or
 * money for ever. Queues a look at every payment that has been open for longer than a hold lasts,
 * and again the job of every stored event that waits for longer than an hour. Both are unique by
 * their key while they wait. Returns how many were queued.
 */
create or replace function app_private.follow_stripe() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payments integer;
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
      and p.created_at < app_hidden.clock() - interval '20 minutes'
    order by p.created_at
    limit 1000
  ) p;
  select count(app_hidden.add_job(
    'process_stripe_event', jsonb_build_object('eventId', e.id), 'stripe_event:' || e.id,
    max_attempts => 25, queue_name => app_hidden.stripe_queue(e.object_id)
  )) into v_events
  from (
    select e.id, e.object_id from app_private.stripe_events e
    where e.processed_at is null and e.received_at < app_hidden.clock() - interval '1 hour'
    order by e.received_at
    limit 1000
  ) e;
  return v_payments + v_events;
end
$$;

grant execute on function app_private.follow_stripe() to :DATABASE_AUTHENTICATOR;

comment on function app_private.follow_stripe() is
  'Queues a look at payments and events that have waited for too long; says how many.';
--! EndIncluded payments/internal/follow_stripe.sql
--! Included payments/internal/purge_stripe_events.sql
/*
 * Forgets events that were acted on, with the personal data in them, after ninety days. Stripe
 * delivers again for three days, and by hand for thirty: until then an event must be known.
 */
create or replace function app_private.purge_stripe_events() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_private.stripe_events e
  where e.id = any (array(
    select old.id from app_private.stripe_events old
    where old.processed_at < app_hidden.clock() - interval '90 days'
    limit 10000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_stripe_events() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_stripe_events() is
  'Removes events ninety days after they were acted on, 10,000 at most; says how many.';
--! EndIncluded payments/internal/purge_stripe_events.sql
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
  select l.status into v_status from app_public.listings l
  where l.id = OLD.listing_id
  for no key update;
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
--! Included search/internal/search_mask.sql
/*
 * The mask of bits for some codes of a kind. An amenity that is unknown, or that has no bit, is
 * refused: to ignore a filter would be to lie.
 */
create or replace function app_hidden.search_mask(kind text, codes text[]) returns bigint
language plpgsql stable
as $$
declare
  v_mask bigint;
  v_found integer;
begin
  if cardinality(search_mask.codes) = 0 then
    return 0;
  end if;
  if exists (select from unnest(search_mask.codes) code where code is null) then
    raise exception 'A list to search by has a null in it: leave it out.'
      using errcode = 'SBS04', column = case search_mask.kind when 'type' then 'types' else 'amenities' end;
  end if;
  select coalesce(bit_or(1::bigint << b.bit), 0), count(*) into v_mask, v_found
  from app_hidden.search_bits b
  where b.kind = search_mask.kind and b.code = any (search_mask.codes);
  if v_found < cardinality(search_mask.codes)
    and v_found < (select count(distinct code) from unnest(search_mask.codes) code)
  then
    raise exception 'Some of these cannot be searched by: the query amenities says which can.'
      using errcode = 'SBS03', column = 'amenities';
  end if;
  return v_mask;
end
$$;

comment on function app_hidden.search_mask(text, text[]) is
  'The bits of some codes; UNKNOWN_AMENITY where one has none.';
--! EndIncluded search/internal/search_mask.sql
--! Included search/queries/search_listings.sql
/*
 * One page of search, by relevance. The box's map squares, each walked in the order of its score,
 * are merged; candidates that pass what the projection knows are asked whether they are free, and
 * for the exact total, one by one, until the page is full. Pages are keyed by (score, listing_id),
 * so no page costs more than the first.
 *
 * The planner cannot see through masks and multiranges; with its default settings it would rather
 * sort everything than stop early. The settings below hold for this function alone, and for the
 * helpers it calls, which set none of their own. Runs as the owner: the projection has public facts
 * only, and overlap tests cannot use an index under row-level security.
 */
create or replace function app_public.search_listings(
  west double precision,
  south double precision,
  east double precision,
  north double precision,
  check_in date default null,
  check_out date default null,
  guests integer default 1,
  amenities text[] default '{}',
  types app_public.listing_type[] default '{}',
  instant_only boolean default false,
  minimum_rating numeric default null,
  currency text default null,
  min_amount bigint default null,
  max_amount bigint default null,
  page_size integer default 20,
  after text default null
) returns setof app_public.search_result
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_bitmapscan = off
set enable_seqscan = off
set enable_sort = off
as $$
declare
  v_nights integer := search_listings.check_out - search_listings.check_in;
  v_currency_number smallint;
  v_need bigint := 0;
  v_any bigint := -1;
  v_score integer := 2147483647;
  v_listing_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_cells bigint[];
  v_west integer;
  v_east integer;
  v_south integer;
  v_north integer;
  v_width integer;
  v_least bigint := 0;
  v_most bigint := 9223372036854775807;
  v_least_total bigint := coalesce(search_listings.min_amount, 0);
  v_most_total bigint := coalesce(search_listings.max_amount, 9223372036854775807);
begin
  perform app_hidden.check_search(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north,
    search_listings.check_in, search_listings.check_out, search_listings.guests,
    search_listings.currency, search_listings.min_amount, search_listings.max_amount,
    search_listings.page_size, search_listings.after
  );
  -- Nothing can be booked so far ahead or takes so many: no need to look through the whole market.
  if search_listings.check_in > app_hidden.clock()::date + 732 or search_listings.guests > 16 then
    return;
  end if;
  if search_listings.after is not null then
    v_score := split_part(search_listings.after, '.', 1)::integer;
    v_listing_id := split_part(search_listings.after, '.', 2)::uuid;
  end if;
  if search_listings.currency is not null then
    select c.number into v_currency_number from app_public.currencies c
    where c.code = search_listings.currency;
  end if;
  if cardinality(search_listings.amenities) > 0 then
    v_need := app_hidden.search_mask('amenity', search_listings.amenities);
  end if;
  -- With dates, what is found can be booked; hosts cannot answer requests yet.
  if search_listings.instant_only or v_nights is not null then
    v_need := v_need | app_hidden.search_mask('booking_mode', '{instant}');
  end if;
  if search_listings.minimum_rating is not null then
    v_need := v_need | app_hidden.search_rating_mask(search_listings.minimum_rating);
  end if;
  if cardinality(search_listings.types) > 0 then
    v_any := app_hidden.search_mask('type', search_listings.types::text[]);
  end if;
  if v_nights is null then
    v_least := coalesce(search_listings.min_amount, v_least);
    v_most := coalesce(search_listings.max_amount, v_most);
  elsif search_listings.max_amount is not null then
    -- A total is at least its nights at the lowest rate and the fee on them, whose rounding takes
    -- off at most 5.
    select floor((search_listings.max_amount + 5.0) * 10000 / (10000 + f.guest_service_fee_bps) / v_nights)
    into v_most
    from app_hidden.platform_fees f
    where f.effective_at <= app_hidden.clock()
    order by f.effective_at desc
    limit 1;
  end if;
  v_west := round(search_listings.west * 1e6);
  v_east := round(search_listings.east * 1e6);
  v_south := round(search_listings.south * 1e6);
  v_north := round(search_listings.north * 1e6);
  v_cells := app_hidden.search_windows(
    search_listings.west, search_listings.south, search_listings.east, search_listings.north
  );
  v_width := v_east - v_west + case when v_west > v_east then 360000000 else 0 end;

  return query
  select
    page.listing_id,
    page.longitude_e6 / 1e6::double precision,
    page.latitude_e6 / 1e6::double precision,
    coalesce(
      search_listings.currency,
      (select c.code from app_public.currencies c where c.number = page.currency_number)
    ),
    page.nightly_floor_amount,
    v_nights,
    page.total_amount,
    page.score || '.' || page.listing_id
  from (
    select found.*, price.total_amount
    from (
      select * from app_hidden.search_candidates(
        v_cells[1], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[2], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[3], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
      union all
      select * from app_hidden.search_candidates(
        v_cells[4], v_score, v_listing_id, v_west, v_width, v_south, v_north,
        search_listings.guests, v_need, v_any, v_currency_number, v_least, v_most
      )
    ) found
    -- Without dates a null id finds nothing, without looking.
    left join lateral app_hidden.price_stay(
      case when v_nights is not null then found.listing_id end,
      search_listings.check_in, search_listings.check_out, search_listings.guests, only_free => true
    ) price on true
    where v_nights is null
      or (price.total_amount >= v_least_total and price.total_amount <= v_most_total)
    order by found.score desc, found.listing_id desc
    limit search_listings.page_size
  ) page
  order by page.score desc, page.listing_id desc;
end
$$;

grant execute on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) to :DATABASE_VISITOR;

comment on function app_public.search_listings(
  double precision, double precision, double precision, double precision, date, date, integer,
  text[], app_public.listing_type[], boolean, numeric, text, bigint, bigint, integer, text
) is
  'Published listings inside a box in degrees (west > east crosses the date line), most relevant first; with dates, only those that can be booked, with the exact total. Amounts to search by need a currency; with dates they are totals of the stay, without dates nightly rates. At most 100 a page; what comes after the cursor of the last result is the next page.';
--! EndIncluded search/queries/search_listings.sql
