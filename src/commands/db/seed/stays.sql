/*
 * Past and coming stays, and blocks. Each unit's calendar is cut into slots of sixteen days, in
 * which at most one thing happens, so nothing overlaps. Every stay goes the way of a real one:
 * quote, hold, booking, payment, ledger; the triggers that guard that way are on.
 */
create temporary table demo_slots on commit drop as
select
  l.id as listing_id, l.number as listing_number, l.host_id, u::smallint as unit_number, k as slot,
  l.max_guests, l.quality, li.min_nights, li.max_nights, li.preparation_days,
  li.booking_window_days,
  li.cancellation_policy, li.time_zone,
  l.number || ' ' || u || ' ' || k as key,
  pg_temp.today() + 16 * k + pg_temp.roll('phase ' || l.number, 16) as starts_on,
  pg_temp.roll('use ' || l.number || ' ' || u || ' ' || k, 1000) as use
from demo_listings l
join app_public.listings li on li.id = l.id
cross join lateral generate_series(1, l.unit_count) u
cross join generate_series(-16, 8) k
where l.final_status <> 'draft';

create temporary table demo_stays on commit drop as
with candidates as (
  select
    s.*,
    s.starts_on + pg_temp.roll('arrival ' || s.key, 6) as check_in,
    least(greatest(s.min_nights, 1 + pg_temp.roll('nights ' || s.key, 6)), s.max_nights) as nights,
    1 + pg_temp.roll('party ' || s.key, s.max_guests) as guests,
    -- The guest that everybody signs in as travels more than the others.
    case when pg_temp.roll('known guest ' || s.key, 100) < 3 then 1
      else 1 + pg_temp.roll('guest ' || s.key, 80) end as guest_number
  from demo_slots s
  where s.use < 95
), suitable as (
  select
    row_number() over (order by c.check_in, c.key)::integer as number,
    c.*,
    c.check_in + c.nights as check_out
  from candidates c
  where c.check_in <= pg_temp.today() + c.booking_window_days
)
select
  s.*,
  pg_temp.demo_id('booking', s.number) as booking_id,
  pg_temp.demo_id('quote', s.number) as quote_id,
  pg_temp.demo_id('payment', s.number) as payment_id,
  pg_temp.demo_id('ledger transaction', s.number) as transaction_id,
  p.id as guest_id,
  least(
    (s.check_in - 3 - pg_temp.roll('lead ' || s.key, 60))::timestamp at time zone 'UTC',
    app_hidden.clock() - interval '1 day'
  ) as booked_at,
  s.check_out < pg_temp.today() as is_past
from suitable s
join demo_people p on p.role = 'guest' and p.number_in_role = s.guest_number
where not exists (
  -- Nobody sleeps in two places.
  select from suitable o
  where o.guest_number = s.guest_number and o.number < s.number and o.check_out > s.check_in
)
order by s.number;

create temporary table demo_line_items on commit drop as
select s.quote_id, i.*
from demo_stays s
cross join lateral app_hidden.stay_line_items(s.listing_id, s.check_in, s.check_out, s.guests)
  with ordinality i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position);

insert into app_public.quotes (
  id, listing_id, guest_id, check_in, check_out, guests, currency,
  total_amount, host_amount, platform_amount, created_at, expires_at, cancellation_policy
)
select
  s.quote_id, s.listing_id, s.guest_id, s.check_in, s.check_out, s.guests, t.currency,
  t.total_amount, t.host_amount, t.total_amount - t.host_amount,
  s.booked_at - interval '10 minutes', s.booked_at + interval '20 minutes',
  (select l.cancellation_policy from app_public.listings l where l.id = s.listing_id)
from demo_stays s
join (
  select
    i.quote_id,
    min(i.currency) as currency,
    sum(i.amount) filter (where i.payer = 'guest') as total_amount,
    sum(case when i.payee = 'host' then i.amount when i.payer = 'host' then -i.amount else 0 end)
      as host_amount
  from demo_line_items i
  group by i.quote_id
) t on t.quote_id = s.quote_id
order by s.number;

insert into app_public.quote_line_items (
  quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
)
select i.quote_id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
  i.payer, i.payee
from demo_line_items i
order by i.quote_id, i.position;

insert into app_public.calendar_claims (
  listing_id, unit_number, nights, kind, booking_id, expires_at, created_at
)
select s.listing_id, s.unit_number,
  app_hidden.claim_window(s.check_in, s.check_out, s.preparation_days),
  'hold', s.booking_id, s.booked_at + interval '15 minutes', s.booked_at
from demo_stays s
order by s.number;

insert into app_public.bookings (
  id, listing_id, unit_number, host_id, guest_id, quote_id, idempotency_key, check_in, check_out,
  guests,
  currency, total_amount, host_amount, platform_amount, cancellation_policy, time_zone,
  hold_expires_at, check_in_from, house_rules, booking_mode, created_at
)
select
  s.booking_id, s.listing_id, s.unit_number, s.host_id, s.guest_id, s.quote_id,
  'demo-stay-' || s.number,
  s.check_in, s.check_out, s.guests, q.currency, q.total_amount, q.host_amount, q.platform_amount,
  s.cancellation_policy, s.time_zone, s.booked_at + interval '15 minutes',
  l.check_in_from, l.house_rules, 'instant', s.booked_at
from demo_stays s
join app_public.quotes q on q.id = s.quote_id
join app_public.listings l on l.id = s.listing_id
order by s.number;

insert into app_public.payments (
  id, booking_id, status, currency, amount, captured_amount, stripe_payment_intent_id,
  stripe_charge_id,
  host_amount, platform_amount, captured_at, created_at
)
select
  s.payment_id, s.booking_id, 'captured', b.currency, b.total_amount, b.total_amount,
  'pi_demo_' || s.number, 'ch_demo_' || s.number,
  b.host_amount, b.platform_amount, s.booked_at + interval '3 minutes',
  s.booked_at + interval '2 minutes'
from demo_stays s
join app_public.bookings b on b.id = s.booking_id
order by s.number;

update app_public.calendar_claims c set kind = 'booking', expires_at = null
from demo_stays s where c.booking_id = s.booking_id;

update app_public.bookings b
set status = 'confirmed', status_actor = 'system', status_reason = 'Paid.'
from demo_stays s where b.id = s.booking_id;

update app_public.bookings b
set status = 'completed', status_actor = 'system', status_reason = ''
from demo_stays s where b.id = s.booking_id and s.is_past;

update app_public.bookings b
set confirmed_at = s.booked_at + interval '3 minutes'
from demo_stays s where b.id = s.booking_id;

insert into app_public.ledger_accounts (kind, user_id, currency)
select distinct k.kind::app_public.ledger_account_kind,
  case k.kind when 'host_payable' then b.host_id end, b.currency
from demo_stays s
join app_public.bookings b on b.id = s.booking_id
cross join unnest(array['stripe_balance', 'host_payable', 'platform_revenue']) k (kind)
on conflict on constraint ledger_accounts_holder_key do nothing;

insert into app_public.ledger_transactions (
  id, external_fact, kind, booking_id, payment_id, created_at
)
select s.transaction_id, 'charge:ch_demo_' || s.number, 'charge', s.booking_id, s.payment_id,
  s.booked_at + interval '3 minutes'
from demo_stays s
order by s.number;

insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
select s.transaction_id, a.id, b.currency, e.amount
from demo_stays s
join app_public.bookings b on b.id = s.booking_id
cross join lateral (values
  ('stripe_balance', null::uuid, b.total_amount),
  ('host_payable', b.host_id, -b.host_amount),
  ('platform_revenue', null::uuid, -b.platform_amount)
) e (kind, user_id, amount)
join app_public.ledger_accounts a on a.kind::text = e.kind and a.currency = b.currency
  and a.user_id is not distinct from e.user_id
where e.amount <> 0
order by s.number, e.kind;

insert into app_public.calendar_claims (listing_id, unit_number, nights, kind, note, created_at)
select s.listing_id, s.unit_number,
  daterange(s.starts_on + 2, s.starts_on + 4 + pg_temp.roll('block ' || s.key, 8)),
  'block',
  pg_temp.pick('note ' || s.key, array['Family visit', 'Painting the walls', 'We are away', '']),
  app_hidden.clock() - interval '10 days'
from demo_slots s
where s.use >= 970 and s.slot between 1 and 8
order by s.listing_number, s.unit_number, s.slot;
