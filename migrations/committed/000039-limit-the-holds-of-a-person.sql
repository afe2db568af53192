--! Previous: sha1:1aa904f317226841477ad1434af92a5ab83583c2
--! Hash: sha1:2ce6bdffcc32d8e6eac71081ccbc391e4f323c5e
--! Message: limit the holds of a person

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +3 -1   identity/data/quotas.sql
--   new     identity/internal/quota_of.sql
--   +1 -6   identity/internal/require_quota.sql
--   new     bookings/internal/require_hold_quota.sql
--   +1 -10  bookings/mutations/create_booking.sql
-- (npm run db:commit wrote these lines.)

--! Included identity/data/quotas.sql
-- What was changed stays.
insert into app_private.quotas (kind, most)
values
  ('listings', 100),
  ('drafts', 50),
  ('units', 1000),
  ('photos', 2000),
  ('blocks', 2000),
  ('quotes', 200),
  ('holds', 3),
  ('hourly_holds', 20)
on conflict (kind) do nothing;
--! EndIncluded identity/data/quotas.sql
--! Included identity/internal/quota_of.sql
create or replace function app_hidden.quota_of(user_id uuid, kind app_public.quota_kind)
returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(u.most, q.most)
  from app_private.quotas q
  left join app_private.user_quotas u on u.kind = q.kind and u.user_id = quota_of.user_id
  where q.kind = quota_of.kind
$$;

comment on function app_hidden.quota_of(uuid, app_public.quota_kind) is
  'How much a person may have: their own exception, or what everybody may.';
--! EndIncluded identity/internal/quota_of.sql
--! Included identity/internal/require_quota.sql
/*
 * Refuses more than a person may have. The caller counts, the new ones included, and holds
 * lock_guest() of the person, so that two at once count one after the other and the limit is exact.
 */
create or replace function app_hidden.require_quota(
  user_id uuid, kind app_public.quota_kind, used bigint
) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most integer := app_hidden.quota_of(require_quota.user_id, require_quota.kind);
begin
  if require_quota.used > v_most then
    raise exception 'You may have % % at most. The operator can raise this.',
      v_most, require_quota.kind
      using errcode = 'SBG07',
        detail = jsonb_build_object('quota', upper(require_quota.kind::text), 'most', v_most)::text;
  end if;
end
$$;

comment on function app_hidden.require_quota(uuid, app_public.quota_kind, bigint) is
  'QUOTA_REACHED where somebody has more than they may have.';
--! EndIncluded identity/internal/require_quota.sql
--! Included bookings/internal/require_hold_quota.sql
/*
 * Holding nights costs nothing: without limits one guest could keep a market closed, by many holds
 * at once or by one after the other. A hold that is over does not count as one, also where nobody
 * has swept it yet; what was paid or asked for counts as no attempt. The caller holds lock_guest(),
 * so that both counts are exact.
 */
create or replace function app_hidden.require_hold_quota(guest_id uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most integer := app_hidden.quota_of(require_hold_quota.guest_id, 'holds');
  v_most_hourly integer := app_hidden.quota_of(require_hold_quota.guest_id, 'hourly_holds');
  v_seconds integer;
begin
  if (
    select count(*) from app_public.bookings b
    where b.guest_id = require_hold_quota.guest_id and b.status = 'pending_payment'
      and b.hold_expires_at > app_hidden.clock()
  ) >= v_most then
    raise exception 'You hold % stays already: pay or give up one first.', v_most
      using errcode = 'SBB10', column = 'quote_id';
  end if;
  -- The newest of those within the hour that leave no room: when it is an hour old, there is some.
  select ceil(extract(epoch from (b.created_at + interval '1 hour' - app_hidden.clock())))
  into v_seconds
  from app_public.bookings b
  where b.guest_id = require_hold_quota.guest_id
    and b.created_at > app_hidden.clock() - interval '1 hour'
    and b.confirmed_at is null and b.answer_due_at is null
  order by b.created_at desc
  offset v_most_hourly - 1
  limit 1;
  if v_seconds is not null then
    raise exception 'You have begun % bookings within an hour: try again in % seconds.',
      v_most_hourly, v_seconds
      using errcode = 'SBB10', column = 'quote_id',
        detail = jsonb_build_object('retryAfterSeconds', v_seconds)::text;
  end if;
end
$$;

comment on function app_hidden.require_hold_quota(uuid) is
  'TOO_MANY_HOLDS where a guest holds too many stays, or has begun too many within an hour.';
--! EndIncluded bookings/internal/require_hold_quota.sql
--! Included bookings/mutations/create_booking.sql
/*
 * Books a quote as it stands. The nights are held for 15 minutes; payment confirms, or asks the
 * host where the listing takes requests.
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
    check_in, check_out, guests, currency, total_amount, host_amount, platform_amount,
    cancellation_policy, time_zone, hold_expires_at, check_in_from, house_rules, booking_mode
  )
  values (
    v_booking_id, v_quote.listing_id, v_claim.unit_number, v_listing.host_id, v_user_id,
    v_quote.id, create_booking.idempotency_key, v_quote.check_in, v_quote.check_out,
    v_quote.guests, v_quote.currency, v_quote.total_amount, v_quote.host_amount,
    v_quote.platform_amount, v_quote.cancellation_policy, v_listing.time_zone,
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
--! EndIncluded bookings/mutations/create_booking.sql
