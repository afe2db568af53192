--! Previous: sha1:bca08180f4ece5e3d085b9d165fdae4b474ee197
--! Hash: sha1:f094155cca2463ee41f994372ee0e4a8afb0298c
--! Message: keep lines short and say once what day it is

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +2 -1   foundation/drop_policies.sql
--   new     foundation/local_today.sql
--   +3 -3   foundation/event_types.sql
--   +8 -4   foundation/events.sql
--   +7 -6   foundation/append_event.sql
--   +4 -2   foundation/tg__append_event.sql
--   +2 -1   foundation/publish_events.sql
--   +3 -3   foundation/read_events.sql
--   +4 -2   identity/server/confirm_registration.sql (was identity/internal/confirm_registration.sql)
--   +9 -5   listings/internal/require_own_listing.sql
--   new     listings/internal/offset_place.sql
--   +6 -3   listings/internal/write_listing_address.sql
--   +5 -2   listings/triggers/tg_listing_photos__limit.sql
--   new     calendar/internal/check_stay.sql
--   new     calendar/internal/stay_keeps_restrictions.sql
--   new     pricing/internal/require_charge_step.sql
--   new     pricing/internal/fees_in_force.sql
--   +12 -10 pricing/internal/price_stay.sql
--   +11 -7  pricing/internal/stay_line_items.sql
--   +9 -4   pricing/mutations/set_dated_rate.sql
--   new     quotes/triggers/tg_quotes__line_items_sum.sql
--   +1 -1   quotes/queries/bookability.sql
--   new     quotes/internal/require_bookable.sql
--   +5 -2   quotes/queries/quote.sql
--   +1 -1   bookings/internal/confirmed_listing_ids.sql
--   new     bookings/triggers/tg_bookings__check_transition.sql
--   +2 -2   bookings/triggers/tg_bookings__move_claim.sql
--   +2 -2   bookings/internal/expire_listing_holds.sql
--   +6 -5   bookings/internal/confirm_booking.sql
--   +6 -5   bookings/server/expire_holds.sql
--   +3 -2   bookings/server/complete_stays.sql
--   +9 -6   bookings/mutations/create_booking.sql
--   +4 -2   checkout/server/attach_payment_intent.sql
--   +3 -1   checkout/internal/record_capture.sql
--   +3 -1   checkout/server/apply_payment_intent.sql
--   +2 -1   checkout/server/apply_refund.sql
--   +2 -1   checkout/server/ledger_drift.sql
--   +4 -2   reviews/tables/reviews.sql
--   +1 -1   reviews/mutations/submit_review.sql
--   +4 -2   search/internal/search_candidates.sql
--   +4 -1   search/internal/search_projection.sql
--   +2 -1   search/internal/search_mask.sql
--   +10 -5  search/internal/check_search.sql
--   +8 -6   search/queries/search_listings.sql
--   +14 -5  imports/internal/import_listing_parts.sql
--   +13 -7  imports/server/import_listing.sql
--   new     notifications/server/mail_to_send.sql
--   +2 -1   operations/server/record_heartbeat.sql
-- (npm run db:commit wrote these lines.)

--! Included foundation/drop_policies.sql
/*
 * A policies file is the whole answer to "who may do what with this table?": it drops what was
 * there, creates what shall be there, and so can be run again after each edit. It also takes back
 * every grant that clients had, column grants included, so that the grants below it are all there
 * are.
 *
 * Row-level security is forced on the owner, too. So the owner gets the one policy that every table
 * has: functions that are security definer, and migrations, see and change all rows.
 */
create or replace function app_hidden.drop_policies(target regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy name;
begin
  for v_policy in select polname from pg_policy where polrelid = drop_policies.target loop
    execute format('drop policy %I on %s', v_policy, drop_policies.target);
  end loop;
  execute format(
    'revoke all on %s from public, :DATABASE_AUTHENTICATOR, :DATABASE_VISITOR, :DATABASE_OPERATOR',
    drop_policies.target
  );
  execute format(
    'create policy definer_all on %s to :DATABASE_OWNER using (true) with check (true)',
    drop_policies.target
  );
end
$$;

comment on function app_hidden.drop_policies(regclass) is
  'Removes all policies and client grants of a table, and lets its owner in; the first line of a '
  'policies file.';
--! EndIncluded foundation/drop_policies.sql
--! Included foundation/local_today.sql
-- A stay is in dates of the listing: what day it is there decides. Inlined where it is called.
create or replace function app_hidden.local_today(time_zone text) returns date
language sql stable parallel safe
return (app_hidden.clock() at time zone time_zone)::date;

grant execute on function app_hidden.local_today(text) to :DATABASE_VISITOR, :DATABASE_OPERATOR;

comment on function app_hidden.local_today(text) is 'Today''s date in a time zone.';
--! EndIncluded foundation/local_today.sql
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
  ('booking.requested', 'A booking is paid for and waits for its host.'),
  ('booking.confirmed', 'A stay is sold.'),
  ('booking.completed', 'A stay is over.'),
  ('booking.expired', 'A booking has ended because nobody paid or answered in time.'),
  ('booking.declined', 'A host has declined a booking.'),
  ('booking.cancelled', 'The guest, the host or the operator has cancelled a booking.'),
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
--! Included foundation/events.sql
/*
 * The outbox: every change that others may want to know, written in the transaction of the change.
 * Mails read it, and whatever comes later: webhooks, subscriptions, caches.
 *
 * Numbers of an identity are drawn before the commit, so a lower one can become visible after a
 * higher one. A reader that goes by id would miss it. So an event gets its place in the order
 * (sequence) after its commit, by publish_events(), and readers go by that.
 *
 * The payload holds ids and nothing else: readers read the truth, and what is forgotten elsewhere
 * does not live on here.
 */
create table if not exists app_private.events (
  id bigint generated always as identity constraint events_pkey primary key,
  sequence bigint,
  type text not null
    constraint events_type_fkey references app_private.event_types on delete restrict,
  subject uuid not null,
  actor uuid,
  payload jsonb not null default '{}',
  transaction_id xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default app_hidden.clock(),

  constraint events_sequence_key unique (sequence),
  constraint events_payload_is_an_object check (jsonb_typeof(payload) = 'object')
);

alter table app_private.events enable row level security;
alter table app_private.events force row level security;

-- publish_events() numbers what has no place yet, and append_event() looks there for a repetition.
create index if not exists events_unpublished_idx on app_private.events (subject, type, id)
  where sequence is null;
-- Some readers want one type only.
create index if not exists events_type_idx on app_private.events (type, sequence);

comment on table app_private.events is 'What happened, for those who want to know.';
comment on column app_private.events.id is
  'Order of writing; of one subject, also the order in which it happened.';
comment on column app_private.events.sequence is
  'Place in the order that readers follow, without gaps; null until it is published.';
comment on column app_private.events.type is 'What happened.';
comment on column app_private.events.subject is
  'To whom or what: the id of a person, listing, booking, payment, refund or review.';
comment on column app_private.events.actor is 'Who was signed in; null for the system.';
comment on column app_private.events.payload is 'Ids of what else is concerned.';
comment on column app_private.events.transaction_id is 'What has the same one happened together.';
comment on column app_private.events.created_at is 'When it happened.';

select app_hidden.drop_policies('app_private.events');
--! EndIncluded foundation/events.sql
--! Included foundation/append_event.sql
/*
 * Writes an event in the transaction of its cause. The same type and subject in one transaction
 * are one event: an edit that writes twenty rows is one edit. The first event of a transaction
 * also queues the job that publishes; a setting that ends with the transaction, and with a
 * savepoint that is rolled back, remembers that.
 */
create or replace function app_hidden.append_event(
  type text, subject uuid, payload jsonb default '{}'
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_private.events e
    where e.subject = append_event.subject and e.type = append_event.type and e.sequence is null
      and e.transaction_id = pg_current_xact_id()
  ) then
    return;
  end if;
  insert into app_private.events (type, subject, actor, payload)
  values (
    append_event.type, append_event.subject, app_public.current_user_id(), append_event.payload
  );
  if current_setting('staybase.publishes_events', true) is distinct from 'yes' then
    perform set_config('staybase.publishes_events', 'yes', true);
    perform app_hidden.add_job('event__publish', '{}');
  end if;
end
$$;

comment on function app_hidden.append_event(text, uuid, jsonb) is
  'Writes an event into the outbox, once a transaction for each type and subject.';
--! EndIncluded foundation/append_event.sql
--! Included foundation/tg__append_event.sql
/*
 * Appends an event for a row that changes. The arguments of the trigger are the type, the column of
 * the subject, and the columns of the payload. "{status}" in the type stands for the row's status.
 */
create or replace function app_hidden.tg__append_event() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb := case TG_OP when 'DELETE' then to_jsonb(OLD) else to_jsonb(NEW) end;
begin
  perform app_hidden.append_event(
    replace(TG_ARGV[0], '{status}', coalesce(v_row ->> 'status', '')),
    (v_row ->> TG_ARGV[1])::uuid,
    (
      -- listing_id becomes listingId.
      select coalesce(jsonb_object_agg(
        left(name, 1) || substr(replace(initcap(replace(name, '_', ' ')), ' ', ''), 2),
        v_row -> name
      ), '{}')
      from unnest(TG_ARGV[2:]) name
    )
  );
  return null;
end
$$;

comment on function app_hidden.tg__append_event() is
  'Appends an event about a row that has changed.';
--! EndIncluded foundation/tg__append_event.sql
--! Included foundation/publish_events.sql
/*
 * Gives committed events their place in the order that readers follow. One publisher works at a
 * time: the next one sees what it has numbered. An event that commits later gets a later place,
 * however low its id. Returns how many were published; call it until that is 0.
 */
create or replace function app_private.publish_events(event_limit integer default 10000)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last bigint;
  v_published integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('publish_events', 0));
  select coalesce(max(e.sequence), 0) into v_last from app_private.events e;
  update app_private.events e
  set sequence = v_last + fresh.place
  from (
    select f.id, row_number() over (order by f.id) as place
    from app_private.events f
    where f.sequence is null
    order by f.id
    limit publish_events.event_limit
  ) fresh
  where e.id = fresh.id;
  get diagnostics v_published = row_count;
  return v_published;
end
$$;

grant execute on function app_private.publish_events(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.publish_events(integer) is
  'Puts committed events in the order in which they are read; says how many.';
--! EndIncluded foundation/publish_events.sql
--! Included foundation/read_events.sql
/*
 * The next events of a reader, in order. The reader's place moves in the same transaction as what
 * is done about the events: what is rolled back is read again. Two at once read one after the
 * other. A reader that is new begins with the oldest event there is.
 */
create or replace function app_hidden.read_events(reader text, event_limit integer default 500)
returns setof app_private.events
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last bigint;
begin
  insert into app_private.event_readers (name) values (read_events.reader)
  on conflict on constraint event_readers_pkey do nothing;
  select r.last_sequence into v_last from app_private.event_readers r
  where r.name = read_events.reader
  for update;
  return query
  with batch as (
    select e.* from app_private.events e
    where e.sequence > v_last
    order by e.sequence
    limit read_events.event_limit
  ), moved as (
    update app_private.event_readers r set last_sequence = (select max(b.sequence) from batch b)
    where r.name = read_events.reader and exists (select from batch)
  )
  select b.* from batch b order by b.sequence;
end
$$;

comment on function app_hidden.read_events(text, integer) is
  'The events that a reader has not seen yet, in order; they count as read once this commits.';
--! EndIncluded foundation/read_events.sql
--! Included identity/server/confirm_registration.sql
/*
 * The link in the mail was opened, and the server has checked the password against that of the
 * registration (find_registration): the person comes to be. A second use of the link, and a second
 * registration of the same address, end as REGISTRATION_INVALID; whoever holds the link owns the
 * mailbox, so being told costs nothing.
 */
create or replace function app_private.confirm_registration(token_hash bytea) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registration app_private.registrations;
  v_user_id uuid;
begin
  delete from app_private.registrations r
  where r.token_hash = confirm_registration.token_hash
  returning * into v_registration;

  if v_registration.id is null or v_registration.expires_at <= app_hidden.clock() then
    raise exception 'This link is used or too old. Log in, or register again.'
      using errcode = 'SBI03';
  end if;

  insert into app_public.users (display_name) values (v_registration.display_name)
  returning id into v_user_id;
  insert into app_public.user_contacts (user_id, email, email_verified_at)
  values (v_user_id, v_registration.email, app_hidden.clock());
  insert into app_private.user_secrets (user_id, password_hash)
  values (v_user_id, v_registration.password_hash);
  return v_user_id;
exception
  when unique_violation then
    raise exception 'This link is used or too old. Log in, or register again.'
      using errcode = 'SBI03';
end
$$;

grant execute on function app_private.confirm_registration(bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.confirm_registration(bytea) is
  'Creates the person whose address the token proves; REGISTRATION_INVALID otherwise.';
--! EndIncluded identity/server/confirm_registration.sql
--! Included listings/internal/require_own_listing.sql
/*
 * The row lock keeps a listing as it was checked until the caller commits. Somebody else's listing
 * is "not found" where it is not public, so that ids cannot be probed.
 */
create or replace function app_hidden.require_own_listing(listing_id uuid)
returns app_public.listings
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_listing app_public.listings := app_hidden.lock_listing(require_own_listing.listing_id);
begin
  if v_listing.id is null
    or (v_listing.host_id <> v_user_id and v_listing.status <> 'published')
  then
    raise exception 'There is no such listing.' using errcode = 'SBL01', column = 'listing_id';
  end if;
  if v_listing.host_id <> v_user_id then
    raise exception 'This listing is another host''s.'
      using errcode = 'SBG02', column = 'listing_id';
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
--! Included listings/internal/offset_place.sql
/*
 * Moves a point by a distance in metres along a bearing. Short distances only: a degree of latitude
 * is taken as 111,320 m everywhere, which is right to 1 %. Keeps off the poles, where longitude
 * loses its meaning.
 */
create or replace function app_hidden.offset_place(
  longitude double precision, latitude double precision,
  bearing double precision, distance_m double precision,
  out public_longitude double precision, out public_latitude double precision
)
language sql immutable
as $$
  select
    round((
      mod(
        (offset_place.longitude + 540 + distance_m * sin(bearing)
          / (111320 * greatest(cos(radians(offset_place.latitude)), 0.01)))::numeric,
        360
      ) - 180
    ), 6)::double precision,
    round(
      greatest(
        -89.9, least(89.9, offset_place.latitude + distance_m * cos(bearing) / 111320)
      )::numeric,
      6
    )::double precision
$$;

comment on function app_hidden.offset_place(
  double precision, double precision, double precision, double precision
) is 'A point moved by some metres along a bearing in radians.';
--! EndIncluded listings/internal/offset_place.sql
--! Included listings/internal/write_listing_address.sql
/*
 * The public place is the exact one, moved by the listing's secret offset. Listings of one host
 * that are next to each other share it: several points around one house would give the house away.
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
      row(
        excluded.street, excluded.postal_code, excluded.directions, excluded.longitude,
        excluded.latitude
      );

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
  if (
    select count(*) from app_public.listing_photos p where p.listing_id = NEW.listing_id
  ) > 100 then
    raise exception 'A listing has at most 100 photos.'
      using errcode = 'SBL05', column = 'listing_id';
  end if;
  return null;
end
$$;

create or replace trigger _200_limit
  after insert on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__limit();

comment on function app_hidden.tg_listing_photos__limit() is 'At most 100 photos a listing.';
--! EndIncluded listings/triggers/tg_listing_photos__limit.sql
--! Included calendar/internal/check_stay.sql
/*
 * The shape of a stay, before anything is looked up: two finite dates in order, at most two years
 * long. Null is refused by the caller's signature or here alike.
 */
create or replace function app_hidden.check_stay(check_in date, check_out date, guests integer)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if check_stay.check_in is null or check_stay.check_out is null then
    raise exception 'Give both check-in and check-out.'
      using errcode = 'SBC02', column = 'check_in';
  end if;
  if not isfinite(check_stay.check_in) or not isfinite(check_stay.check_out) then
    raise exception 'Dates of a stay are finite.' using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out <= check_stay.check_in then
    raise exception 'Check-out comes after check-in.' using errcode = 'SBC02', column = 'check_out';
  end if;
  if check_stay.check_out - check_stay.check_in > 730 then
    raise exception 'A stay has at most 730 nights.' using errcode = 'SBC04', column = 'check_out';
  end if;
  if check_stay.guests is null or check_stay.guests < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
end
$$;

comment on function app_hidden.check_stay(date, date, integer) is
  'INVALID_STAY, STAY_TOO_LONG or INVALID_GUESTS where a stay makes no sense.';
--! EndIncluded calendar/internal/check_stay.sql
--! Included calendar/internal/stay_keeps_restrictions.sql
/*
 * Whether a stay keeps to what a unit demands, nights aside. Inlined into search, so that search
 * and booking cannot disagree; bookability() gives the same rules their names.
 *
 * Looking up a time zone costs more than all the rest, and search does this for each candidate. No
 * local date is more than two days from another one's, and no notice is longer than 14 days: a
 * check-in that is clear of both ends by so much is allowed wherever the listing is.
 */
create or replace function app_hidden.stay_keeps_restrictions(
  unit app_hidden.listing_availability, check_in date, check_out date
) returns boolean
language sql stable parallel safe
return check_out - check_in between unit.min_nights and unit.max_nights
  and (
    check_in - app_hidden.clock()::date between 17 and unit.booking_window_days - 2
    or (
      check_in - app_hidden.local_today(unit.time_zone)
        between 0 and unit.booking_window_days
      and (
        unit.advance_notice_hours = 0
        or (check_in + unit.check_in_from) at time zone unit.time_zone
          >= app_hidden.clock() + unit.advance_notice_hours * interval '1 hour'
      )
    )
  );

comment on function app_hidden.stay_keeps_restrictions(
  app_hidden.listing_availability, date, date
) is
  'Whether a stay keeps to a unit''s restrictions.';
--! EndIncluded calendar/internal/stay_keeps_restrictions.sql
--! Included pricing/internal/require_charge_step.sql
create or replace function app_hidden.require_charge_step(
  currency text, field text, amount bigint
) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step smallint;
begin
  select c.charge_step into v_step from app_public.currencies c
  where c.code = require_charge_step.currency;
  if v_step is null then
    raise exception 'Unknown currency: use one of the query currencies, such as EUR.'
      using errcode = 'SBP05', column = 'currency';
  end if;
  if require_charge_step.amount % v_step <> 0 then
    raise exception 'Amounts in % are multiples of % minor units.',
      require_charge_step.currency, v_step
      using errcode = 'SBP04', column = require_charge_step.field;
  end if;
end
$$;

comment on function app_hidden.require_charge_step(text, text, bigint) is
  'UNKNOWN_CURRENCY or INVALID_AMOUNT where a card could not be charged such an amount.';
--! EndIncluded pricing/internal/require_charge_step.sql
--! Included pricing/internal/fees_in_force.sql
-- The platform's shares that new quotes get. Inlined where it is called.
create or replace function app_hidden.fees_in_force() returns setof app_hidden.platform_fees
language sql stable parallel safe
begin atomic
  select f.* from app_hidden.platform_fees f
  where f.effective_at <= app_hidden.clock()
  order by f.effective_at desc
  limit 1;
end;

comment on function app_hidden.fees_in_force() is 'The platform fees of now; one row.';
--! EndIncluded pricing/internal/fees_in_force.sql
--! Included pricing/internal/price_stay.sql
/*
 * The price of a stay, as parts. This one function is behind the total that search shows and behind
 * the quote that is sold, so they agree to the minor unit. With only_free it answers only where a
 * unit can take the stay: search asks both of each candidate, and this reads the row that knows
 * both once.
 *
 * Nights: dated rate, else weekend rate, else base rate. Base and weekend nights are counted, not
 * walked; only listings that have dated rates read them. Fees: cleaning once, extra guests by
 * night; the guest's service fee and the host's commission are shares of what the host earns before
 * them.
 *
 * Kept such that the planner inlines it: language sql, stable, no set clause, called in FROM. Each
 * "offset 0" keeps what is below it from being merged with what is above, or every use of an amount
 * would compute it again; "limit 1" does the same, and takes any one of the units.
 */
create or replace function app_hidden.price_stay(
  listing_id uuid, check_in date, check_out date, guests integer, only_free boolean
) returns table (
  currency text,
  base_nights integer,
  base_amount bigint,
  weekend_nights integer,
  weekend_amount bigint,
  dated_nights integer,
  dated_total_amount bigint,
  cleaning_fee_amount bigint,
  extra_guests integer,
  extra_guest_fee_amount bigint,
  subtotal_amount bigint,
  guest_service_fee_amount bigint,
  host_commission_amount bigint,
  total_amount bigint
)
language sql stable
as $$
  select
    p.currency, p.base_nights, p.base_amount, p.weekend_nights, p.weekend_amount,
    p.dated_nights, p.dated_total_amount, p.cleaning_fee_amount, p.extra_guests,
    p.extra_guest_fee_amount, p.subtotal_amount,
    app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step),
    app_hidden.service_fee(p.subtotal_amount, p.host_commission_bps, p.charge_step),
    p.subtotal_amount
      + app_hidden.service_fee(p.subtotal_amount, p.guest_service_fee_bps, p.charge_step)
  from (
    select
      n.*,
      n.base_nights * n.base_amount + n.weekend_nights * n.weekend_amount + n.dated_total_amount
        + n.cleaning_fee_amount
        + n.extra_guest_fee_amount * n.extra_guests * (price_stay.check_out - price_stay.check_in)
        as subtotal_amount
    from (
      select
        u.*,
        coalesce(u.dated[1], 0)::integer as dated_nights,
        coalesce(u.dated[3], 0) as dated_total_amount,
        (price_stay.check_out - price_stay.check_in - u.all_weekend_nights
          - coalesce(u.dated[1] - u.dated[2], 0))::integer as base_nights,
        (u.all_weekend_nights - coalesce(u.dated[2], 0))::integer as weekend_nights
      from (
        select
          a.currency,
          a.charge_step,
          a.nightly_amount as base_amount,
          coalesce(a.weekend_nightly_amount, a.nightly_amount) as weekend_amount,
          a.cleaning_fee_amount,
          greatest(price_stay.guests - a.guests_included, 0) as extra_guests,
          a.extra_guest_fee_amount,
          -- Asked for in a query of its own, for that runs once and not once a listing.
          (select app_hidden.weekend_nights_before(price_stay.check_out)
            - app_hidden.weekend_nights_before(price_stay.check_in)) as all_weekend_nights,
          -- Nights with a rate of their own, those of them at weekends, and what they cost.
          case when a.has_dated_rates then (
            select array[
              sum(o.ends - o.starts),
              sum(
                app_hidden.weekend_nights_before(o.ends)
                  - app_hidden.weekend_nights_before(o.starts)
              ),
              sum(o.nightly_amount * (o.ends - o.starts))::bigint
            ]
            from (
              select
                d.nightly_amount,
                greatest(lower(d.nights), price_stay.check_in) as starts,
                least(upper(d.nights), price_stay.check_out) as ends
              from app_public.dated_rates d
              where d.listing_id = a.listing_id
                and d.currency = a.currency
                and upper(d.nights) > price_stay.check_in
                and lower(d.nights) < price_stay.check_out
            ) o
          ) end as dated,
          (select f.guest_service_fee_bps from app_hidden.fees_in_force() f)
            as guest_service_fee_bps,
          (select f.host_commission_bps from app_hidden.fees_in_force() f)
            as host_commission_bps
        from app_hidden.listing_availability a
        where a.listing_id = price_stay.listing_id
          and a.nightly_amount is not null
          and (
            not price_stay.only_free
            or (
              not a.taken && app_hidden.claim_window(
                price_stay.check_in, price_stay.check_out, a.preparation_days
              )
              and app_hidden.stay_keeps_restrictions(a, price_stay.check_in, price_stay.check_out)
            )
          )
        limit 1
      ) u
      offset 0
    ) n
    offset 0
  ) p
$$;

comment on function app_hidden.price_stay(uuid, date, date, integer, boolean) is
  'The price of a stay in minor units, as parts; no row where the listing has no rates or, with '
  'only_free, no unit can take it.';
--! EndIncluded pricing/internal/price_stay.sql
--! Included pricing/internal/stay_line_items.sql
/*
 * The line items of a stay. Nights at the same rate by the same rule are one line; a share is one
 * line of quantity 1.
 */
create or replace function app_hidden.stay_line_items(
  listing_id uuid, check_in date, check_out date, guests integer
) returns setof app_public.price_line
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with price as (
    select * from app_hidden.price_stay(
      stay_line_items.listing_id, stay_line_items.check_in, stay_line_items.check_out,
      stay_line_items.guests,
      only_free => false
    )
  ),
  fees as (
    select * from app_hidden.fees_in_force()
  ),
  lines (position, code, rule, unit_amount, quantity, payer, payee) as (
    select 1, 'nights', 'base_rate', p.base_amount, p.base_nights, 'guest', 'host' from price p
    union all
    select 2, 'nights', 'weekend_rate', p.weekend_amount, p.weekend_nights, 'guest', 'host'
    from price p
    union all
    select 3, 'nights', 'dated_rate', d.nightly_amount, sum(
      least(upper(d.nights), stay_line_items.check_out)
        - greatest(lower(d.nights), stay_line_items.check_in)
    )::integer, 'guest', 'host'
    from app_public.dated_rates d
    where d.listing_id = stay_line_items.listing_id
      and d.nights && daterange(stay_line_items.check_in, stay_line_items.check_out)
    group by d.nightly_amount
    union all
    select 4, 'cleaning_fee', 'cleaning_fee', p.cleaning_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 5, 'extra_guest_fee', 'extra_guest_fee', p.extra_guest_fee_amount,
      p.extra_guests * (stay_line_items.check_out - stay_line_items.check_in), 'guest', 'host'
    from price p
    union all
    select 6, 'guest_service_fee', round(f.guest_service_fee_bps / 100.0, 2) || '%',
      p.guest_service_fee_amount, 1, 'guest', 'platform' from price p, fees f
    union all
    select 7, 'host_commission', round(f.host_commission_bps / 100.0, 2) || '%',
      p.host_commission_amount, 1, 'host', 'platform' from price p, fees f
  )
  select l.code, l.rule, p.currency, l.unit_amount, l.quantity, l.unit_amount * l.quantity,
    l.payer::app_public.party, l.payee::app_public.party
  from lines l, price p
  where l.unit_amount * l.quantity > 0
  order by l.position, l.unit_amount
$$;

comment on function app_hidden.stay_line_items(uuid, date, date, integer) is
  'The line items of a stay.';
--! EndIncluded pricing/internal/stay_line_items.sql
--! Included pricing/mutations/set_dated_rate.sql
/*
 * Prices a range of nights. Ranges that are there are cut where the new one lies; a null amount
 * only cuts. The host's listing row is locked first, so two edits of one listing queue up.
 */
create or replace function app_public.set_dated_rate(
  listing_id uuid, starts_on date, ends_before date, nightly_amount bigint default null
) returns setof app_public.dated_rates
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_listing app_public.listings;
  v_currency text;
  v_nights daterange;
begin
  perform app_hidden.check_nights(set_dated_rate.starts_on, set_dated_rate.ends_before);
  v_listing := app_hidden.require_own_listing(set_dated_rate.listing_id);
  v_nights := daterange(set_dated_rate.starts_on, set_dated_rate.ends_before);

  select r.currency into v_currency from app_public.listing_rates r
  where r.listing_id = v_listing.id;
  if v_currency is null then
    raise exception 'Set the listing''s rates first.'
      using errcode = 'SBP06', column = 'listing_id';
  end if;
  perform app_hidden.require_charge_step(
    v_currency, 'nightly_amount', set_dated_rate.nightly_amount
  );
  if set_dated_rate.nightly_amount not between 1 and 100000000000 then
    raise exception 'A nightly rate is at least 1 and at most 100000000000 minor units.'
      using errcode = 'SBP04', column = 'nightly_amount';
  end if;

  with cut as (
    delete from app_public.dated_rates d
    where d.listing_id = v_listing.id and d.nights && v_nights
    returning d.*
  )
  insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
  select c.listing_id, rest, c.currency, c.nightly_amount
  from cut c
  cross join lateral unnest(datemultirange(c.nights) - datemultirange(v_nights)) rest;

  if set_dated_rate.nightly_amount is not null then
    insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
    values (v_listing.id, v_nights, v_currency, set_dated_rate.nightly_amount);
  end if;

  return query
  select d.* from app_public.dated_rates d
  where d.listing_id = v_listing.id
    and d.nights && daterange(set_dated_rate.starts_on - 1, set_dated_rate.ends_before + 1)
  order by d.nights;
end
$$;

grant execute on function app_public.set_dated_rate(uuid, date, date, bigint) to :DATABASE_VISITOR;

comment on function app_public.set_dated_rate(uuid, date, date, bigint) is
  'Gives the nights from a day to before another a rate of their own, in minor units; without an '
  'amount, takes it back. Returns the dated rates around it.';
--! EndIncluded pricing/mutations/set_dated_rate.sql
--! Included quotes/triggers/tg_quotes__line_items_sum.sql
/*
 * M7: line items sum to the quote's amounts. Checked at commit, for the quote comes before its
 * lines.
 */
create or replace function app_hidden.tg_quotes__line_items_sum() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_quote_id uuid;
  v_quote app_public.quotes;
  v_total bigint;
  v_host bigint;
begin
  if TG_TABLE_NAME = 'quotes' then
    v_quote_id := NEW.id;
  elsif TG_OP = 'DELETE' then
    v_quote_id := OLD.quote_id;
  else
    v_quote_id := NEW.quote_id;
  end if;
  select q.* into v_quote from app_public.quotes q where q.id = v_quote_id;
  if v_quote.id is null then
    return null;
  end if;
  select
    sum(i.amount) filter (where i.payer = 'guest'),
    sum(case when i.payee = 'host' then i.amount when i.payer = 'host' then -i.amount else 0 end)
  into v_total, v_host
  from app_public.quote_line_items i where i.quote_id = v_quote_id;
  if v_total is distinct from v_quote.total_amount
    or v_host is distinct from v_quote.host_amount
  then
    raise exception 'The line items do not sum to the quote.' using errcode = 'SBM01';
  end if;
  return null;
end
$$;

drop trigger if exists _900_line_items_sum on app_public.quotes;
create constraint trigger _900_line_items_sum
  after insert or update on app_public.quotes
  deferrable initially deferred
  for each row execute function app_hidden.tg_quotes__line_items_sum();

drop trigger if exists _900_line_items_sum on app_public.quote_line_items;
create constraint trigger _900_line_items_sum
  after insert or update or delete on app_public.quote_line_items
  deferrable initially deferred
  for each row execute function app_hidden.tg_quotes__line_items_sum();

comment on function app_hidden.tg_quotes__line_items_sum() is
  'Refuses to commit a quote whose line items do not sum to its amounts.';
--! EndIncluded quotes/triggers/tg_quotes__line_items_sum.sql
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
  v_today := app_hidden.local_today(v_listing.time_zone);

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
--! Included quotes/internal/require_bookable.sql
/*
 * The first reason of bookability(), as an error. Every reason has a code of its own in the
 * registry, so that a client can put the message next to the right field.
 */
create or replace function app_hidden.require_bookable(
  listing_id uuid, check_in date, check_out date, guests integer
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason app_public.bookability_reason;
begin
  select * into v_reason from app_public.bookability(
    require_bookable.listing_id, require_bookable.check_in, require_bookable.check_out,
    require_bookable.guests
  ) limit 1;
  case v_reason.code
    when 'not_published' then
      raise exception 'This listing is not open for bookings.'
        using errcode = 'SBL01', column = 'listing_id';
    when 'not_instant' then
      raise exception 'This host takes requests, which cannot be booked at once.'
        using errcode = 'SBB05', column = 'listing_id';
    when 'no_rates' then
      raise exception 'This listing has no rates.' using errcode = 'SBP06', column = 'listing_id';
    when 'in_the_past' then
      raise exception 'Check-in is in the past: there it is already %.', v_reason.rule
        using errcode = 'SBC03', column = 'check_in';
    when 'min_nights' then
      raise exception 'A stay here has at least % nights.', v_reason.rule
        using errcode = 'SBC08', column = 'check_out';
    when 'max_nights' then
      raise exception 'A stay here has at most % nights.', v_reason.rule
        using errcode = 'SBC04', column = 'check_out';
    when 'booking_window' then
      raise exception 'Stays can begin at most % days from now.', v_reason.rule
        using errcode = 'SBC09', column = 'check_in';
    when 'advance_notice' then
      raise exception 'The host needs % hours of notice.', v_reason.rule
        using errcode = 'SBC10', column = 'check_in';
    when 'too_many_guests' then
      raise exception 'At most % guests fit.', v_reason.rule
        using errcode = 'SBC05', column = 'guests';
    when 'nights_taken' then
      raise exception 'These nights are taken.' using errcode = 'SBC01', column = 'check_in';
    else null;
  end case;
end
$$;

comment on function app_hidden.require_bookable(uuid, date, date, integer) is
  'Raises the first reason why a stay cannot be booked.';
--! EndIncluded quotes/internal/require_bookable.sql
--! Included quotes/queries/quote.sql
create or replace function app_public.quote(
  listing_id uuid, check_in date, check_out date, guests integer
) returns app_public.stay_price
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price app_public.stay_price;
begin
  perform app_hidden.require_bookable(
    quote.listing_id, quote.check_in, quote.check_out, quote.guests
  );
  select
    quote.listing_id, quote.check_in, quote.check_out, quote.guests,
    quote.check_out - quote.check_in,
    min(l.currency),
    sum(l.amount) filter (where l.payer = 'guest'),
    sum(case when l.payee = 'host' then l.amount when l.payer = 'host' then -l.amount else 0 end),
    array_agg(l)
  into v_price
  from app_hidden.stay_line_items(
    quote.listing_id, quote.check_in, quote.check_out, quote.guests
  ) l;
  return v_price;
end
$$;

grant execute on function app_public.quote(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.quote(uuid, date, date, integer) is
  'What a stay costs now, with line items that sum to the total. It is not an offer; to book, '
  'create a quote.';
--! EndIncluded quotes/queries/quote.sql
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
    and b.check_out > app_hidden.local_today(b.time_zone) - 7
$$;

grant execute on function app_hidden.confirmed_listing_ids() to :DATABASE_VISITOR;

comment on function app_hidden.confirmed_listing_ids() is
  'Listings where whoever is signed in has a confirmed stay, until a week after check-out.';
--! EndIncluded bookings/internal/confirmed_listing_ids.sql
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
--! Included bookings/triggers/tg_bookings__move_claim.sql
/*
 * The nights follow the booking: what is confirmed keeps them for good, what ends frees them.
 * Whoever changes the status has locked the units of the listing before the booking.
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
 * the given nights or anywhere. Their claims go with them. Returns how many. A hold whose payment
 * is being processed has no expires_at and is left alone.
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
--! Included bookings/internal/confirm_booking.sql
/*
 * Confirms a booking that was paid. Where its hold is gone, the nights are taken again on any free
 * unit, if the listing is still open for bookings; false where that cannot be. A bank may take
 * days: a stay that is over by then is not sold either, and its hold, which nothing else would
 * end, is ended here. The caller holds the locks on the units and the booking.
 */
create or replace function app_hidden.confirm_booking(booking app_public.bookings) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim app_public.calendar_claims;
  v_is_over boolean := booking.hold_expires_at <= app_hidden.clock()
    and booking.check_out <= app_hidden.local_today(booking.time_zone);
begin
  if booking.status = 'pending_payment' and v_is_over then
    update app_public.bookings b
    set status = 'expired', status_actor = 'system',
        status_reason = 'The stay was over before payment.'
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
--! Included bookings/server/complete_stays.sql
/*
 * Each stay is completed in a savepoint of its own: one that cannot be is reported as a warning and
 * left, and the others go on. A booking that somebody else holds is passed over until the next run.
 */
create or replace function app_private.complete_stays(booking_limit integer default 500)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_booking_id uuid;
  v_done integer := 0;
begin
  for v_booking_id in
    select b.id from app_public.bookings b
    where b.status = 'confirmed'
      -- Local dates differ by a day at most; the exact rule is the second condition.
      and b.check_out <= (app_hidden.clock() + interval '1 day')::date
      and b.check_out <= app_hidden.local_today(b.time_zone)
    order by b.id
    limit complete_stays.booking_limit
    for update skip locked
  loop
    begin
      update app_public.bookings b
      set status = 'completed', status_actor = 'system', status_reason = ''
      where b.id = v_booking_id;
      -- What is checked at commit is checked here, or it would end the whole batch.
      set constraints all immediate;
      v_done := v_done + 1;
    exception
      when others then
        raise warning 'The stay of booking % was not completed: %.', v_booking_id, sqlstate;
    end;
    set constraints all deferred;
  end loop;
  return v_done;
end
$$;

grant execute on function app_private.complete_stays(integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.complete_stays(integer) is
  'Completes confirmed bookings from their check-out day on; says how many.';
--! EndIncluded bookings/server/complete_stays.sql
--! Included bookings/mutations/create_booking.sql
/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms.
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
  if v_listing.booking_mode <> 'instant' then
    raise exception 'This host takes requests, which cannot be booked at once.'
      using errcode = 'SBB05', column = 'quote_id';
  end if;

  if v_quote.check_in < app_hidden.local_today(v_listing.time_zone) then
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
end
$$;

grant execute on function app_public.create_booking(uuid, text) to :DATABASE_VISITOR;

comment on function app_public.create_booking(uuid, text) is
  'Books a quote as it stands and holds the nights for 15 minutes; pay by POST '
  '/v1/bookings/{id}/payment. A repeated call with the same key returns the same booking.';
--! EndIncluded bookings/mutations/create_booking.sql
--! Included checkout/server/attach_payment_intent.sql
/*
 * Notes which intent Stripe made for a payment. Where the booking ended while Stripe was being
 * asked, the intent is cancelled again, so that nobody pays for nothing. The booking is locked
 * first: one that ends at the same moment either sees the intent, or is seen here to have ended.
 * Locks: booking, then payment.
 */
create or replace function app_private.attach_payment_intent(payment_id uuid, intent_id text)
returns void
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

comment on function app_private.attach_payment_intent(uuid, text) is
  'Notes Stripe''s intent of a payment.';
--! EndIncluded checkout/server/attach_payment_intent.sql
--! Included checkout/internal/record_capture.sql
/*
 * Money has arrived. The caller holds the locks on availability, booking and payment.
 *
 * A charge that sells the stay is split between host and platform; one that came too late is kept
 * apart in guest_payable until it has gone back.
 */
create or replace function app_hidden.record_capture(
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
  if record_capture.received_amount is distinct from payment.amount
    or record_capture.charge_id is null
  then
    raise exception 'Stripe received another amount than was asked for.' using errcode = 'SBM03';
  end if;
  update app_public.payments p
  set status = 'captured', captured_amount = record_capture.received_amount,
      stripe_charge_id = record_capture.charge_id, failure_code = null
  where p.id = payment.id;

  v_sold := app_hidden.confirm_booking(booking);
  perform app_hidden.post_ledger(
    'charge:' || record_capture.charge_id,
    case when v_sold then 'charge' else 'late_charge' end,
    booking.id,
    case when v_sold
      then array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('host_payable', booking.host_id, payment.currency, -booking.host_amount),
        row('platform_revenue', null, payment.currency, -booking.platform_amount)
      ]::app_hidden.ledger_posting[]
      else array[
        row('stripe_balance', null, payment.currency, payment.amount),
        row('guest_payable', null, payment.currency, -payment.amount)
      ]::app_hidden.ledger_posting[]
    end
  );

  if v_sold then
    return 'confirmed';
  end if;

  insert into app_public.refunds (payment_id, reason, currency, amount)
  values (
    payment.id, 'The payment came after the hold had expired.', payment.currency, payment.amount
  )
  returning id into v_refund_id;
  perform app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', v_refund_id), 'refund:' || v_refund_id,
    max_attempts => 25
  );
  return 'refunding';
end
$$;

comment on function app_hidden.record_capture(
  app_public.payments, app_public.bookings, bigint, text
) is 'Writes down money that arrived: confirms the booking, or gives it back.';
--! EndIncluded checkout/internal/record_capture.sql
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
    case when v_amount > 0 then 'refund:' else 'refund_failure:' end
      || apply_refund.stripe_refund_id,
    case when v_amount > 0 then 'refund' else 'refund_failure' end,
    v_booking.id,
    array[
      row('guest_payable', null, v_refund.currency, v_amount),
      row('stripe_balance', null, v_refund.currency, -v_amount)
    ]::app_hidden.ledger_posting[]
  );
  return v_new_status::text;
end
$$;

grant execute on function app_private.apply_refund(uuid, text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.apply_refund(uuid, text, text) is
  'Brings a refund to where Stripe''s is; repeatable, in any order.';
--! EndIncluded checkout/server/apply_refund.sql
--! Included checkout/server/ledger_drift.sql
/*
 * The checks that must find nothing, for the operator and the tests: transactions that do not sum
 * to zero (M1), and bookings where charged - refunded differs from host payable + platform +
 * clearing (M4).
 */
create or replace function app_private.ledger_drift()
returns table (finding text, id uuid, off_by_amount bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select 'unbalanced transaction', e.transaction_id, sum(e.amount)::bigint
  from app_public.ledger_entries e
  group by e.transaction_id, e.currency
  having sum(e.amount) <> 0
  union all
  select 'booking differs from its payments', p.booking_id,
    (sum(p.captured_amount - p.refunded_amount) - coalesce(max(l.amount), 0))::bigint
  from app_public.payments p
  left join (
    select t.booking_id, -sum(e.amount) as amount
    from app_public.ledger_transactions t
    join app_public.ledger_entries e on e.transaction_id = t.id
    join app_public.ledger_accounts a on a.id = e.account_id
    where a.kind in ('host_payable', 'platform_revenue', 'tax_payable', 'guest_payable')
    group by t.booking_id
  ) l on l.booking_id = p.booking_id
  group by p.booking_id
  having sum(p.captured_amount - p.refunded_amount) <> coalesce(max(l.amount), 0)
$$;

grant execute on function app_private.ledger_drift() to :DATABASE_AUTHENTICATOR;

comment on function app_private.ledger_drift() is
  'What is wrong with the ledger; nothing, or something is broken.';
--! EndIncluded checkout/server/ledger_drift.sql
--! Included reviews/tables/reviews.sql
/*
 * What people say of each other after a stay. Guests rate the stay, hosts the guest: one a booking
 * and direction. An unpublished review (published_at null) is invisible to the other side, which is
 * how both can be written blind; today a guest's review is published at once.
 */
create table if not exists app_public.reviews (
  id uuid not null default uuidv7() constraint reviews_pkey primary key,
  booking_id uuid not null
    constraint reviews_booking_id_fkey references app_public.bookings on delete restrict,
  listing_id uuid not null
    constraint reviews_listing_id_fkey references app_public.listings on delete restrict,
  direction app_public.review_direction not null,
  author_id uuid not null
    constraint reviews_author_id_fkey references app_public.users on delete restrict,
  subject_id uuid not null
    constraint reviews_subject_id_fkey references app_public.users on delete restrict,
  rating smallint not null,
  cleanliness_rating smallint,
  accuracy_rating smallint,
  check_in_rating smallint,
  communication_rating smallint,
  location_rating smallint,
  value_rating smallint,
  comment text not null,
  published_at timestamptz,
  created_at timestamptz not null default app_hidden.clock(),

  -- One review a booking and direction.
  constraint reviews_booking_id_key unique (booking_id, direction),
  constraint reviews_rating_fits check (rating between 1 and 5),
  constraint reviews_category_ratings_fit check (
    cleanliness_rating between 1 and 5 and accuracy_rating between 1 and 5
    and check_in_rating between 1 and 5 and communication_rating between 1 and 5
    and location_rating between 1 and 5 and value_rating between 1 and 5
  ),
  constraint reviews_comment_has_length check (length(btrim(comment)) between 1 and 5000)
);

alter table app_public.reviews enable row level security;
alter table app_public.reviews force row level security;

-- The reviews of a listing, newest first.
create index if not exists reviews_listing_id_idx on app_public.reviews (listing_id, id);
create index if not exists reviews_author_id_idx on app_public.reviews (author_id);
create index if not exists reviews_subject_id_idx on app_public.reviews (subject_id);

create or replace trigger _600_created
  after insert on app_public.reviews
  for each row execute function
    app_hidden.tg__append_event('review.created', 'id', 'booking_id', 'listing_id');

create or replace trigger _610_published
  after insert on app_public.reviews
  for each row when (NEW.published_at is not null)
  execute function
    app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

create or replace trigger _620_published
  after update of published_at on app_public.reviews
  for each row when (OLD.published_at is null and NEW.published_at is not null)
  execute function
    app_hidden.tg__append_event('review.published', 'id', 'booking_id', 'listing_id');

comment on table app_public.reviews is 'What a guest says of a stay, or a host of a guest.';
comment on column app_public.reviews.id is 'Public id of the review.';
comment on column app_public.reviews.booking_id is 'The stay it is about.';
comment on column app_public.reviews.listing_id is 'Where the stay was.';
comment on column app_public.reviews.direction is 'Who reviews whom.';
comment on column app_public.reviews.author_id is 'Who wrote it.';
comment on column app_public.reviews.subject_id is 'Who it is about: the host, or the guest.';
comment on column app_public.reviews.rating is 'Overall, 1 to 5.';
comment on column app_public.reviews.cleanliness_rating is '1 to 5, or null.';
comment on column app_public.reviews.accuracy_rating is '1 to 5, or null.';
comment on column app_public.reviews.check_in_rating is '1 to 5, or null.';
comment on column app_public.reviews.communication_rating is '1 to 5, or null.';
comment on column app_public.reviews.location_rating is '1 to 5, or null.';
comment on column app_public.reviews.value_rating is '1 to 5, or null.';
comment on column app_public.reviews.comment is 'Public text of 1 to 5000 characters.';
comment on column app_public.reviews.published_at is 'When everybody could read it first.';
comment on column app_public.reviews.created_at is 'When it was written.';
--! EndIncluded reviews/tables/reviews.sql
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
    or app_hidden.local_today(v_booking.time_zone) < v_booking.check_out
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
--! Included search/internal/search_candidates.sql
/*
 * The listings of one map square that pass what can be judged by the projection alone, in the order
 * of their score, from behind a given one. One index-only scan, backwards; the caller merges some
 * of these and stops early.
 *
 * Longitudes are counted east from the box's western edge, which is right on both sides of the date
 * line. The place behind the given listing is written without a row comparison, which the index
 * would evaluate for every entry. The case keeps the tests in this order, what rules out most
 * first; left to itself the planner puts the cheapest first, which makes a page a tenth slower.
 * Kept such that the planner inlines it: language sql, stable, no
 * set clause, called in FROM.
 */
create or replace function app_hidden.search_candidates(
  cell bigint, after_score integer, after_listing_id uuid,
  west_e6 integer, width_e6 integer, south_e6 integer, north_e6 integer,
  guests integer, need bigint, any_of bigint, currency_number smallint,
  least_amount bigint, most_amount bigint
) returns table (
  score integer,
  listing_id uuid,
  longitude_e6 integer,
  latitude_e6 integer,
  nightly_floor_amount bigint,
  currency_number smallint
)
language sql stable
as $$
  select s.score, s.listing_id, s.longitude_e6, s.latitude_e6, s.nightly_floor_amount,
    s.currency_number
  from app_hidden.search_cells s
  where s.cell = search_candidates.cell
    and s.score <= search_candidates.after_score
    and case when s.attrs & search_candidates.need = search_candidates.need then
      s.latitude_e6 between search_candidates.south_e6 and search_candidates.north_e6
      and (s.longitude_e6 - search_candidates.west_e6 + 360000000) % 360000000
        <= search_candidates.width_e6
      and s.nightly_floor_amount
        between search_candidates.least_amount and search_candidates.most_amount
      and s.max_guests >= search_candidates.guests
      and s.attrs & search_candidates.any_of <> 0
      and (search_candidates.currency_number is null
        or s.currency_number = search_candidates.currency_number)
      and (s.score < search_candidates.after_score
        or s.listing_id < search_candidates.after_listing_id)
    else false end
  order by s.score desc, s.listing_id desc
$$;

comment on function app_hidden.search_candidates(
  bigint, integer, uuid, integer, integer, integer, integer, integer, bigint, bigint, smallint,
  bigint, bigint
) is 'Listings of one map square that fit as far as the projection knows, best first.';
--! EndIncluded search/internal/search_candidates.sql
--! Included search/internal/search_projection.sql
/*
 * What search_cells must hold, for one listing or (null) for all: the truth that triggers keep it
 * to and that search_drift() compares with.
 *
 * score, the order of relevance, is at most some 60,000: the average rating pulled towards 4.5 by
 * ten imagined reviews (imported ones count half, or not at all where their rating did not come),
 * in ten-thousandths; up to 1,000 for the number of reviews, up to 500 for photos, 200 for instant
 * booking.
 */
create or replace function app_hidden.search_projection(only_listing_id uuid default null)
returns setof app_hidden.search_cells
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Materialized, or each of the six levels would compute them again.
  with facts as materialized (
    select
      l.id,
      l.public_longitude,
      l.public_latitude,
      l.max_guests,
      c.number as currency_number,
      least(
        r.nightly_amount,
        r.weekend_nightly_amount,
        (select min(d.nightly_amount) from app_public.dated_rates d
          where r.has_dated_rates and d.listing_id = l.id)
      ) as nightly_floor_amount,
      (round(10000 * (l.review_rating_sum + coalesce(i.rating * i.review_count, 0) / 2 + 45)
        / (l.review_count + coalesce(i.review_count, 0) / 2.0 + 10))
        + least(l.review_count + coalesce(i.review_count, 0) / 2, 50) * 20
        + (
          select least(count(*), 20) * 25 from app_public.listing_photos p
          where p.listing_id = l.id
        )
        + case l.booking_mode when 'instant' then 200 else 0 end
      )::integer as score,
      (select coalesce(bit_or(1::bigint << b.bit), 0) from app_hidden.search_bits b
        where case b.kind
          when 'type' then b.code = l.type::text
          when 'booking_mode' then b.code = l.booking_mode::text
          when 'rating' then l.review_count > 0
            and l.review_rating_sum >= b.code::numeric * l.review_count
        end
      ) | (select coalesce(bit_or(1::bigint << b.bit), 0)
        from app_public.listing_amenities a
        join app_hidden.search_bits b on b.kind = 'amenity' and b.code = a.amenity_code
        where a.listing_id = l.id
      ) as attrs
    from app_public.listings l
    join app_public.listing_rates r on r.listing_id = l.id
    join app_public.currencies c on c.code = r.currency
    left join app_hidden.imported_review_scores i on i.listing_id = l.id and i.rating is not null
    where l.status = 'published' and l.public_longitude is not null
      and (search_projection.only_listing_id is null or l.id = search_projection.only_listing_id)
  )
  select
    -- A square of a coarser level begins with the first bits, two a level.
    (level::bigint << 52) | (m.morton >> (2 * (13 - level))),
    f.score, f.id,
    round(f.public_longitude * 1e6)::integer, round(f.public_latitude * 1e6)::integer,
    f.nightly_floor_amount, f.attrs, f.max_guests, f.currency_number
  from facts f
  cross join lateral (
    select app_hidden.search_cell(
      0,
      floor(app_hidden.mercator_x(f.public_longitude) * (1 << 13))::integer,
      floor(app_hidden.mercator_y(f.public_latitude) * (1 << 13))::integer
    ) as morton
    offset 0
  ) m
  cross join unnest(array[0, 5, 7, 9, 11, 13]) level
$$;

comment on function app_hidden.search_projection(uuid) is
  'The rows that search_cells must have, for one listing or for all.';
--! EndIncluded search/internal/search_projection.sql
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
      using errcode = 'SBS04',
        column = case search_mask.kind when 'type' then 'types' else 'amenities' end;
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
--! Included search/internal/check_search.sql
create or replace function app_hidden.check_search(
  west double precision, south double precision, east double precision, north double precision,
  check_in date, check_out date, guests integer,
  currency text, min_amount bigint, max_amount bigint, page_size integer, after text
) returns void
language plpgsql stable
as $$
begin
  -- NaN compares as larger than any number, so these bounds keep it out too.
  if not coalesce(
    west between -180 and 180 and east between -180 and 180
    and south between -90 and 90 and north between -90 and 90 and south <= north, false
  ) then
    raise exception
      'A box needs west and east from -180 to 180, and south up to north from -90 to 90.'
      using errcode = 'SBS01', column = 'west';
  end if;
  if check_search.check_in is not null or check_search.check_out is not null then
    perform app_hidden.check_stay(
      check_search.check_in, check_search.check_out, check_search.guests
    );
    -- Somewhere on Earth it is still yesterday; each listing's own date is compared in its zone.
    if check_search.check_in < app_hidden.local_today('Etc/GMT+12') then
      raise exception 'Check-in is in the past.' using errcode = 'SBC03', column = 'check_in';
    end if;
  elsif coalesce(check_search.guests, 0) < 1 then
    raise exception 'At least one guest stays.' using errcode = 'SBC06', column = 'guests';
  end if;
  if coalesce(check_search.min_amount, check_search.max_amount) is not null
    and check_search.currency is null
  then
    raise exception 'To search by price, say in which currency.'
      using errcode = 'SBS04', column = 'currency';
  end if;
  if check_search.currency is not null and not exists (
    select from app_public.currencies c where c.code = check_search.currency
  ) then
    raise exception 'Unknown currency: use one of the query currencies, such as EUR.'
      using errcode = 'SBP05', column = 'currency';
  end if;
  if check_search.min_amount < 0
    or check_search.max_amount < coalesce(check_search.min_amount, 0)
  then
    raise exception 'Prices are not negative, and the least is at most the greatest.'
      using errcode = 'SBS04', column = 'max_amount';
  end if;
  if check_search.page_size is null or check_search.page_size not between 1 and 100 then
    raise exception 'A page has 1 to 100 results.' using errcode = 'SBG06', column = 'page_size';
  end if;
  if check_search.after is not null
    and check_search.after !~ '^[0-9]{1,9}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  then
    raise exception 'Give as after the cursor of a result.'
      using errcode = 'SBS02', column = 'after';
  end if;
end
$$;

comment on function app_hidden.check_search(
  double precision, double precision, double precision, double precision, date, date, integer,
  text, bigint, bigint, integer, text
) is 'Refuses a search that makes no sense, with a code that says why.';
--! EndIncluded search/internal/check_search.sql
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
    select floor(
      (search_listings.max_amount + 5.0) * 10000 / (10000 + f.guest_service_fee_bps) / v_nights
    )
    into v_most
    from app_hidden.fees_in_force() f;
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
  'Published listings inside a box in degrees (west > east crosses the date line), most relevant '
  'first; with dates, only those that can be booked, with the exact total. Amounts to search by '
  'need a currency; with dates they are totals of the stay, without dates nightly rates. At most '
  '100 a page; what comes after the cursor of the last result is the next page.';
--! EndIncluded search/queries/search_listings.sql
--! Included imports/internal/import_listing_parts.sql
/*
 * Photos, amenities, rates and review scores of an imported listing; see import_listing() for the
 * shape. The caller holds the lock on the listing. A host's own delete locks the photo before the
 * listing, so a photo that somebody holds is passed over here: it is waited for by nobody.
 */
create or replace function app_hidden.import_listing_parts(listing_id uuid, listing jsonb)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.listing_photos p
  using (
    select o.id from app_public.listing_photos o
    where o.listing_id = import_listing_parts.listing_id
      and not listing -> 'photoUrls' ? o.url::text
    for update skip locked
  ) gone
  where p.id = gone.id;
  insert into app_public.listing_photos (listing_id, url, position)
  select import_listing_parts.listing_id, u.url, (u.position - 1)::smallint
  from jsonb_array_elements_text(listing -> 'photoUrls') with ordinality u (url, position)
  where not exists (
    select from app_public.listing_photos p
    where p.listing_id = import_listing_parts.listing_id and p.url = u.url
  );

  delete from app_public.listing_amenities a
  where a.listing_id = import_listing_parts.listing_id
    and not listing -> 'amenityCodes' ? a.amenity_code;
  insert into app_public.listing_amenities (listing_id, amenity_code)
  select import_listing_parts.listing_id, code
  from jsonb_array_elements_text(listing -> 'amenityCodes') code
  on conflict do nothing;

  -- Dated rates refer to the currency of the rates, which may have changed.
  delete from app_public.dated_rates d where d.listing_id = import_listing_parts.listing_id;
  if listing -> 'rates' ->> 'nightlyAmount' is not null then
    insert into app_public.listing_rates (listing_id, currency, nightly_amount)
    values (
      import_listing_parts.listing_id, listing -> 'rates' ->> 'currency',
      (listing -> 'rates' ->> 'nightlyAmount')::bigint
    )
    on conflict on constraint listing_rates_pkey do update
      set currency = excluded.currency, nightly_amount = excluded.nightly_amount;
    insert into app_public.dated_rates (listing_id, nights, currency, nightly_amount)
    select import_listing_parts.listing_id, (d ->> 'nights')::daterange,
      listing -> 'rates' ->> 'currency', (d ->> 'nightlyAmount')::bigint
    from jsonb_array_elements(listing -> 'datedRates') d;
  else
    -- Gone there, so gone here; what was sold keeps its price in its quote.
    delete from app_public.listing_rates r where r.listing_id = import_listing_parts.listing_id;
  end if;

  delete from app_hidden.imported_review_scores s
  where s.listing_id = import_listing_parts.listing_id;
  insert into app_hidden.imported_review_scores (
    listing_id, review_count, rating, accuracy_rating, cleanliness_rating, check_in_rating,
    communication_rating, location_rating, value_rating
  )
  select import_listing_parts.listing_id, (s ->> 'reviewCount')::integer, (s ->> 'rating')::numeric,
    (s ->> 'accuracy')::numeric, (s ->> 'cleanliness')::numeric, (s ->> 'checkIn')::numeric,
    (s ->> 'communication')::numeric, (s ->> 'location')::numeric, (s ->> 'value')::numeric
  from (select listing -> 'reviewScores' as s) scores
  where jsonb_typeof(s) = 'object';
end
$$;

comment on function app_hidden.import_listing_parts(uuid, jsonb) is
  'Replaces what belongs to an imported listing by what came.';
--! EndIncluded imports/internal/import_listing_parts.sql
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
 * Locks: the external id, the host's, the host's row, then the listing, then its units. The first
 * two are advisory, for the first import of a listing has no row yet to lock; two imports of one
 * city take turns at each listing instead of making it twice.
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
    hashtextextended(
      'import_listing/' || import_listing.source || '/' || (listing ->> 'externalId'), 0
    )
  );
  select i.* into v_known from app_private.imported_listings i
  where i.source = import_listing.source and i.external_id = listing ->> 'externalId';
  if v_known.content_hash = v_hash then
    return 'unchanged';
  end if;

  v_host_id := app_hidden.import_host(import_listing.source, listing -> 'host');
  v_listing_id := coalesce(v_known.listing_id, uuidv7());
  -- The listing first, as hosts do. A booking that is taking its nights is waited for, so that it
  -- is seen below.
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

  -- Nights that a hold has may soon be free again, and a photo that a host held may have stayed: no
  -- hash, so that the next import tries anew.
  if exists (
    select from app_public.listing_photos p
    where p.listing_id = v_listing_id and not listing -> 'photoUrls' ? p.url::text
  ) or exists (
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
--! Included notifications/server/mail_to_send.sql
/*
 * What the mail job needs, or nulls where the mail was sent already or the person has no address
 * (imported hosts have none).
 */
create or replace function app_private.mail_to_send(
  mail_id uuid,
  out kind text, out email text, out display_name text, out other_name text,
  out booking_id uuid, out listing_title text, out city text,
  out check_in date, out check_out date, out guests integer,
  out currency text, out exponent integer, out total_amount bigint, out host_amount bigint,
  out street text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.kind, c.email, u.display_name, o.display_name, b.id, l.title, l.city,
    b.check_in, b.check_out, b.guests, b.currency, cu.exponent, b.total_amount, b.host_amount,
    a.street
  from app_private.mails m
  join app_public.users u on u.id = m.user_id
  join app_public.user_contacts c on c.user_id = u.id
  join app_public.bookings b on b.id = m.booking_id
  join app_public.users o
    on o.id = case m.user_id when b.guest_id then b.host_id else b.guest_id end
  join app_public.listings l on l.id = b.listing_id
  join app_public.currencies cu on cu.code = b.currency
  left join app_public.listing_addresses a on a.listing_id = l.id
  where m.id = mail_to_send.mail_id and m.sent_at is null
$$;

grant execute on function app_private.mail_to_send(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.mail_to_send(uuid) is
  'What a mail says and to whom; nulls where there is nothing to send.';
--! EndIncluded notifications/server/mail_to_send.sql
--! Included operations/server/record_heartbeat.sql
/*
 * One heartbeat for the workers of a process, and the rescue of the others' jobs: whoever holds a
 * lock and has not been heard of within the time-out is dead. Reads the wall clock: a heartbeat is
 * about now, not about a transaction. Returns the ids of the workers whose jobs were unlocked.
 */
create or replace function app_private.record_heartbeat(worker_ids text[], timeout interval)
returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dead text[];
begin
  insert into app_private.worker_heartbeats (worker_id, beat_at)
  select id, clock_timestamp() from unnest(record_heartbeat.worker_ids) id
  on conflict on constraint worker_heartbeats_pkey do update set beat_at = excluded.beat_at;

  -- A worker that nobody has heard of gets a first beat now, and with it one time-out to speak up.
  insert into app_private.worker_heartbeats (worker_id, beat_at)
  select distinct j.locked_by, clock_timestamp() from graphile_worker.jobs j
  where j.locked_by is not null
  on conflict on constraint worker_heartbeats_pkey do nothing;

  select array_agg(h.worker_id) into v_dead
  from app_private.worker_heartbeats h
  where h.beat_at < clock_timestamp() - record_heartbeat.timeout;
  if v_dead is null then
    return '{}';
  end if;
  perform graphile_worker.force_unlock_workers(v_dead);
  delete from app_private.worker_heartbeats h where h.worker_id = any (v_dead);
  return v_dead;
end
$$;

grant execute on function app_private.record_heartbeat(text[], interval) to :DATABASE_AUTHENTICATOR;

comment on function app_private.record_heartbeat(text[], interval) is
  'Says that workers live and unlocks the jobs of those that do not; their ids are returned.';
--! EndIncluded operations/server/record_heartbeat.sql
