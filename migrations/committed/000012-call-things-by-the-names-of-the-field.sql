--! Previous: sha1:276bfc3a221e312375bfba512fe08b9e40a7f7db
--! Hash: sha1:63ba01a1fe59555dcb541d463805cebe7c0b13cd
--! Message: call things by the names of the field

--! split: 1-current.sql
alter type app_public.ledger_account_kind rename value 'guest_clearing' to 'guest_payable';

drop trigger _100_append_only on app_public.quotes;
drop trigger _100_append_only on app_public.quote_line_items;
drop trigger _100_append_only on app_public.booking_events;
drop trigger _100_append_only on app_public.ledger_accounts;
drop trigger _100_append_only on app_public.ledger_transactions;
drop trigger _100_append_only on app_public.ledger_entries;

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
  'Removes all policies and client grants of a table, and lets its owner in; the first line of a policies file.';
--! EndIncluded foundation/drop_policies.sql
--! Included foundation/job_is_pending.sql
-- Whether a job of this key is in the queue and will still be tried; for those that ask again.
create or replace function app_hidden.job_is_pending(job_key text) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from graphile_worker.jobs j where j.key = job_key and j.attempts < j.max_attempts
  )
$$;

comment on function app_hidden.job_is_pending(text) is
  'Whether a job of this key waits or runs, and has attempts left.';
--! EndIncluded foundation/job_is_pending.sql
--! Included foundation/tg__immutable.sql
/*
 * For tables that are evidence: no role corrects a row, the owner included. A mistake is corrected
 * by another row. Each table says by its trigger whether rows may be deleted.
 */
create or replace function app_hidden.tg__immutable() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'A row of % is never %; write another row that corrects it.', TG_TABLE_NAME,
    case TG_OP when 'UPDATE' then 'changed' else 'deleted' end
    using errcode = 'SBG05';
end
$$;

comment on function app_hidden.tg__immutable() is 'Refuses to change or delete a row.';
--! EndIncluded foundation/tg__immutable.sql
--! Included foundation/tg__no_truncate.sql
-- A truncate fires no row trigger: what those guard or count would be passed over.
create or replace function app_hidden.tg__no_truncate() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'The table % is never truncated.', TG_TABLE_NAME using errcode = 'SBG05';
end
$$;

comment on function app_hidden.tg__no_truncate() is 'Refuses to truncate a table.';
--! EndIncluded foundation/tg__no_truncate.sql
--! Included identity/tables/registrations.sql
/*
 * Somebody says that an address is theirs. A person comes to be when they open the link in the
 * mail and repeat the password, so that nobody squats on another's address or waits for its owner
 * to confirm an account that is not theirs, and so that registering and logging in answer the same
 * whether the address was known or not.
 */
create table if not exists app_private.registrations (
  id uuid not null default uuidv7() constraint registrations_pkey primary key,
  email text not null,
  display_name text not null,
  password_hash text not null,
  token_hash bytea,
  created_at timestamptz not null default app_hidden.clock(),
  expires_at timestamptz not null default app_hidden.clock() + interval '1 day',

  constraint registrations_token_hash_key unique (token_hash),
  constraint registrations_display_name_has_length
    check (length(display_name) <= 80 and btrim(display_name) <> ''),
  constraint registrations_email_is_plausible
    check (email ~ '^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$' and length(email) <= 254),
  constraint registrations_email_is_lower_case check (email = lower(email)),
  constraint registrations_password_is_hashed check (password_hash like '$argon2id$%')
);

alter table app_private.registrations enable row level security;
alter table app_private.registrations force row level security;

-- maintenance__purge_expired walks what is past its time.
create index if not exists registrations_expires_at_idx on app_private.registrations (expires_at);

comment on table app_private.registrations is 'Accounts that wait for their address to be proven.';
--! EndIncluded identity/tables/registrations.sql
--! Included identity/server/register.sql
/*
 * Notes the wish for an account and queues the mail that proves the address. It does the same
 * whether the address is known or not; the mail job finds out (set_registration_token) and writes
 * accordingly.
 */
create or replace function app_private.register(
  email text, display_name text, password_hash text
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registration_id uuid;
begin
  insert into app_private.registrations (email, display_name, password_hash)
  values (lower(btrim(register.email)), btrim(register.display_name), register.password_hash)
  returning id into v_registration_id;

  perform app_hidden.add_job(
    'mail__send_registration', jsonb_build_object('registrationId', v_registration_id)
  );
end
$$;

grant execute on function app_private.register(text, text, text) to :DATABASE_AUTHENTICATOR;

comment on function app_private.register(text, text, text) is
  'Starts a registration; the answer never tells whether the address has an account.';
--! EndIncluded identity/server/register.sql
--! Included calendar/triggers/tg_calendar_claims__no_truncate.sql
-- The nights would stay taken in listing_availability.
create or replace trigger _110_no_truncate
  before truncate on app_public.calendar_claims
  for each statement execute function app_hidden.tg__no_truncate();
--! EndIncluded calendar/triggers/tg_calendar_claims__no_truncate.sql
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
      stay_line_items.listing_id, stay_line_items.check_in, stay_line_items.check_out, stay_line_items.guests,
      only_free => false
    )
  ),
  fees as (
    select * from app_hidden.platform_fees f
    where f.effective_at <= app_hidden.clock() order by f.effective_at desc limit 1
  ),
  lines (position, code, rule, unit_amount, quantity, payer, payee) as (
    select 1, 'nights', 'base_rate', p.base_amount, p.base_nights, 'guest', 'host' from price p
    union all
    select 2, 'nights', 'weekend_rate', p.weekend_amount, p.weekend_nights, 'guest', 'host' from price p
    union all
    select 3, 'nights', 'dated_rate', d.nightly_amount, sum(
      least(upper(d.nights), stay_line_items.check_out) - greatest(lower(d.nights), stay_line_items.check_in)
    )::integer, 'guest', 'host'
    from app_public.dated_rates d
    where d.listing_id = stay_line_items.listing_id
      and d.nights && daterange(stay_line_items.check_in, stay_line_items.check_out)
    group by d.nightly_amount
    union all
    select 4, 'cleaning_fee', 'cleaning_fee', p.cleaning_fee_amount, 1, 'guest', 'host' from price p
    union all
    select 5, 'extra_guest_fee', 'extra_guest_fee', p.extra_guest_fee_amount,
      p.extra_guests * (stay_line_items.check_out - stay_line_items.check_in), 'guest', 'host' from price p
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

comment on function app_hidden.stay_line_items(uuid, date, date, integer) is 'The line items of a stay.';
--! EndIncluded pricing/internal/stay_line_items.sql
--! Included quotes/tables/quotes.sql
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
create or replace trigger _100_immutable
  before update of id, listing_id, guest_id, check_in, check_out, guests, currency,
    total_amount, host_amount, platform_amount, cancellation_policy
  on app_public.quotes
  for each row execute function app_hidden.tg__immutable();

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
--! EndIncluded quotes/tables/quotes.sql
--! Included quotes/tables/quote_line_items.sql
create table if not exists app_public.quote_line_items (
  quote_id uuid not null,
  position smallint not null,
  code text not null,
  rule text not null,
  currency text not null,
  unit_amount bigint not null,
  quantity integer not null,
  amount bigint not null,
  payer app_public.party not null,
  payee app_public.party not null,

  constraint quote_line_items_pkey primary key (quote_id, position),
  constraint quote_line_items_quote_fkey foreign key (quote_id, currency)
    references app_public.quotes (id, currency) on delete cascade,
  constraint quote_line_items_amount_is_product check (amount = unit_amount * quantity and amount > 0),
  constraint quote_line_items_parties_differ check (payer <> payee)
);

alter table app_public.quote_line_items enable row level security;
alter table app_public.quote_line_items force row level security;

create index if not exists quote_line_items_quote_idx
  on app_public.quote_line_items (quote_id, currency);

create or replace trigger _100_immutable
  before update on app_public.quote_line_items
  for each row execute function app_hidden.tg__immutable();

comment on table app_public.quote_line_items is 'A line of a quote; the lines sum to its amounts.';
comment on column app_public.quote_line_items.quote_id is 'The quote.';
comment on column app_public.quote_line_items.position is 'Order within the quote, from 1.';
comment on column app_public.quote_line_items.code is
  'What is paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.quote_line_items.rule is 'The rule that made the price.';
comment on column app_public.quote_line_items.currency is 'ISO 4217 currency.';
comment on column app_public.quote_line_items.unit_amount is 'Price of one, in minor units.';
comment on column app_public.quote_line_items.quantity is 'How many.';
comment on column app_public.quote_line_items.amount is 'Unit amount times quantity, in minor units.';
comment on column app_public.quote_line_items.payer is 'Who pays it.';
comment on column app_public.quote_line_items.payee is 'Who receives it.';
--! EndIncluded quotes/tables/quote_line_items.sql
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
  from app_hidden.stay_line_items(quote.listing_id, quote.check_in, quote.check_out, quote.guests) l;
  return v_price;
end
$$;

grant execute on function app_public.quote(uuid, date, date, integer) to :DATABASE_VISITOR;

comment on function app_public.quote(uuid, date, date, integer) is
  'What a stay costs now, with line items that sum to the total. It is not an offer; to book, create a quote.';
--! EndIncluded quotes/queries/quote.sql
--! Included bookings/tables/booking_events.sql
create table if not exists app_public.booking_events (
  booking_id uuid not null
    constraint booking_events_booking_id_fkey references app_public.bookings on delete restrict,
  sequence integer not null,
  from_status app_public.booking_status,
  to_status app_public.booking_status not null,
  actor app_public.booking_actor not null,
  actor_id uuid constraint booking_events_actor_id_fkey references app_public.users on delete set null,
  reason text not null default '',
  created_at timestamptz not null default app_hidden.clock(),

  constraint booking_events_pkey primary key (booking_id, sequence)
);

alter table app_public.booking_events enable row level security;
alter table app_public.booking_events force row level security;

create index if not exists booking_events_actor_id_idx on app_public.booking_events (actor_id);

create or replace trigger _100_immutable
  before update or delete on app_public.booking_events
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.booking_events
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.booking_events is 'What happened to a booking, in order.';
comment on column app_public.booking_events.booking_id is 'The booking.';
comment on column app_public.booking_events.sequence is 'Order within the booking, from 1.';
comment on column app_public.booking_events.from_status is 'Status before; null for the first event.';
comment on column app_public.booking_events.to_status is 'Status after.';
comment on column app_public.booking_events.actor is 'In which role somebody did it.';
comment on column app_public.booking_events.actor_id is 'Who did it; null for the system.';
comment on column app_public.booking_events.reason is 'Why, where somebody said.';
comment on column app_public.booking_events.created_at is 'When.';
--! EndIncluded bookings/tables/booking_events.sql
--! Included notifications/internal/queue_mail.sql
create or replace function app_hidden.queue_mail(kind text, user_id uuid, booking_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mail_id uuid;
begin
  insert into app_private.mails (kind, user_id, booking_id)
  values (queue_mail.kind, queue_mail.user_id, queue_mail.booking_id)
  on conflict on constraint mails_occasion_key do nothing
  returning id into v_mail_id;
  if v_mail_id is not null then
    perform app_hidden.add_job(
      'mail__send', jsonb_build_object('mailId', v_mail_id), 'mail:' || v_mail_id
    );
  end if;
end
$$;

comment on function app_hidden.queue_mail(text, uuid, uuid) is
  'Owes a person a mail about a booking, once an occasion.';
--! EndIncluded notifications/internal/queue_mail.sql
--! Included ledger/tables/ledger_accounts.sql
/*
 * The accounts of the double-entry ledger. A debit is positive, a credit negative: what Stripe
 * holds for us is positive, what we owe a host is negative.
 */
create table if not exists app_public.ledger_accounts (
  id uuid not null default uuidv7() constraint ledger_accounts_pkey primary key,
  kind app_public.ledger_account_kind not null,
  user_id uuid constraint ledger_accounts_user_id_fkey references app_public.users on delete restrict,
  currency text not null
    constraint ledger_accounts_currency_fkey references app_public.currencies on delete restrict,

  constraint ledger_accounts_holder_key unique nulls not distinct (kind, user_id, currency),
  constraint ledger_accounts_currency_key unique (id, currency),
  constraint ledger_accounts_hosts_have_a_user
    check ((kind in ('host_payable', 'host_receivable')) = (user_id is not null))
);

alter table app_public.ledger_accounts enable row level security;
alter table app_public.ledger_accounts force row level security;

create index if not exists ledger_accounts_user_id_idx on app_public.ledger_accounts (user_id);
create index if not exists ledger_accounts_currency_idx on app_public.ledger_accounts (currency);

-- M2: entries would change their meaning with their account.
create or replace trigger _100_immutable
  before update on app_public.ledger_accounts
  for each row when (OLD is distinct from NEW)
  execute function app_hidden.tg__immutable();

comment on table app_public.ledger_accounts is 'An account of the ledger; hosts see their own.';
comment on column app_public.ledger_accounts.id is 'Public id of the account.';
comment on column app_public.ledger_accounts.kind is 'What it counts: host payable is what the platform owes a host.';
comment on column app_public.ledger_accounts.user_id is 'The host, for accounts of a host.';
comment on column app_public.ledger_accounts.currency is 'ISO 4217 currency.';
--! EndIncluded ledger/tables/ledger_accounts.sql
--! Included ledger/tables/ledger_transactions.sql
/*
 * One external fact, written down once (M3), and never changed (M2): a correction is another
 * transaction that reverses it.
 */
create table if not exists app_public.ledger_transactions (
  id uuid not null default uuidv7() constraint ledger_transactions_pkey primary key,
  external_fact text not null,
  kind text not null,
  booking_id uuid
    constraint ledger_transactions_booking_id_fkey references app_public.bookings on delete restrict,
  created_at timestamptz not null default app_hidden.clock(),

  constraint ledger_transactions_external_fact_key unique (external_fact),
  constraint ledger_transactions_kind_is_known
    check (kind in ('charge', 'late_charge', 'refund', 'refund_failure'))
);

alter table app_public.ledger_transactions enable row level security;
alter table app_public.ledger_transactions force row level security;

create index if not exists ledger_transactions_booking_id_idx
  on app_public.ledger_transactions (booking_id);

create or replace trigger _100_immutable
  before update or delete on app_public.ledger_transactions
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_transactions
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.ledger_transactions is 'Something that happened to money; its entries sum to zero.';
comment on column app_public.ledger_transactions.id is 'Public id of the transaction.';
comment on column app_public.ledger_transactions.external_fact is 'What happened outside, such as charge:ch_123; once each.';
comment on column app_public.ledger_transactions.kind is 'charge, late_charge, refund or refund_failure.';
comment on column app_public.ledger_transactions.booking_id is 'The booking it is about.';
comment on column app_public.ledger_transactions.created_at is 'When it was written down.';
--! EndIncluded ledger/tables/ledger_transactions.sql
--! Included ledger/tables/ledger_entries.sql
create table if not exists app_public.ledger_entries (
  id uuid not null default uuidv7() constraint ledger_entries_pkey primary key,
  transaction_id uuid not null
    constraint ledger_entries_transaction_id_fkey
    references app_public.ledger_transactions on delete restrict,
  account_id uuid not null,
  currency text not null,
  amount bigint not null,

  -- An entry is in the currency of its account.
  constraint ledger_entries_account_fkey foreign key (account_id, currency)
    references app_public.ledger_accounts (id, currency) on delete restrict,
  constraint ledger_entries_amount_is_not_zero check (amount <> 0)
);

alter table app_public.ledger_entries enable row level security;
alter table app_public.ledger_entries force row level security;

create index if not exists ledger_entries_transaction_id_idx on app_public.ledger_entries (transaction_id);
-- The statement of an account, newest first.
create index if not exists ledger_entries_account_idx on app_public.ledger_entries (account_id, currency, id);

create or replace trigger _100_immutable
  before update or delete on app_public.ledger_entries
  for each row execute function app_hidden.tg__immutable();
create or replace trigger _110_no_truncate
  before truncate on app_public.ledger_entries
  for each statement execute function app_hidden.tg__no_truncate();

comment on table app_public.ledger_entries is 'One side of a ledger transaction.';
comment on column app_public.ledger_entries.id is 'Public id of the entry.';
comment on column app_public.ledger_entries.transaction_id is 'What happened.';
comment on column app_public.ledger_entries.account_id is 'Whose account.';
comment on column app_public.ledger_entries.currency is 'ISO 4217 currency.';
comment on column app_public.ledger_entries.amount is
  'In minor units; a debit is positive, a credit negative: what the platform owes a host is negative.';
--! EndIncluded ledger/tables/ledger_entries.sql
--! Included ledger/types/ledger_posting.sql
-- One side of a ledger transaction, before its account is looked up.
do $$
begin
  create type app_hidden.ledger_posting as (
    account_kind app_public.ledger_account_kind,
    user_id uuid,
    currency text,
    amount bigint
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_hidden.ledger_posting is
  'An amount for the account of that kind; a debit is positive, a credit negative, in minor units.';
--! EndIncluded ledger/types/ledger_posting.sql
--! Included ledger/internal/post_ledger.sql
/*
 * Writes one external fact into the ledger, once: a fact that is there already changes nothing and
 * gives false. Postings of zero are left out.
 *
 * Accounts are made when first needed. They are made in one order, so that two facts that need the
 * same new accounts wait for each other and do not deadlock.
 */
create or replace function app_hidden.post_ledger(
  external_fact text,
  kind text,
  booking_id uuid,
  postings app_hidden.ledger_posting[]
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_transaction_id uuid;
begin
  insert into app_public.ledger_transactions (external_fact, kind, booking_id)
  values (post_ledger.external_fact, post_ledger.kind, post_ledger.booking_id)
  on conflict on constraint ledger_transactions_external_fact_key do nothing
  returning id into v_transaction_id;
  if v_transaction_id is null then
    return false;
  end if;

  insert into app_public.ledger_entries (transaction_id, account_id, currency, amount)
  select v_transaction_id, app_hidden.ledger_account(p.account_kind, p.currency, p.user_id),
    p.currency, p.amount
  from (
    select * from unnest(post_ledger.postings) where amount <> 0
    order by account_kind, user_id, currency
  ) p;
  return true;
end
$$;

comment on function app_hidden.post_ledger(text, text, uuid, app_hidden.ledger_posting[]) is
  'Writes an external fact into the ledger; false where it is there already.';
--! EndIncluded ledger/internal/post_ledger.sql
--! Included stripe/server/store_stripe_event.sql
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
    'stripe__process_event',
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
--! EndIncluded stripe/server/store_stripe_event.sql
--! Included stripe/server/requeue_stale_stripe.sql
/*
 * The net under the webhooks: an event that was lost, or whose job gave up, must not hold nights or
 * money for ever. Queues a look at every payment of the last month that has been open for longer
 * than a hold lasts, at every refund that has been for longer than an hour, and again the job of
 * every stored event that waits for so long. A job that still has attempts left is let alone.
 * Returns how many were queued.
 */
create or replace function app_private.requeue_stale_stripe() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payments integer;
  v_refunds integer;
  v_events integer;
begin
  select count(app_hidden.add_job(
    'payment__sync', jsonb_build_object('paymentId', p.id), 'payment__sync:' || p.id,
    queue_name => app_hidden.stripe_queue(p.stripe_payment_intent_id)
  )) into v_payments
  from (
    select p.id, p.stripe_payment_intent_id from app_public.payments p
    where p.status in ('requires_payment', 'requires_action', 'processing', 'authorised')
      and p.stripe_payment_intent_id is not null
      and p.created_at between app_hidden.clock() - interval '30 days'
        and app_hidden.clock() - interval '20 minutes'
      and not app_hidden.job_is_pending('payment__sync:' || p.id)
    order by p.created_at
    limit 1000
  ) p;
  select count(app_hidden.add_job(
    'refund__create', jsonb_build_object('refundId', r.id), 'refund:' || r.id, max_attempts => 25
  )) into v_refunds
  from (
    select r.id from app_public.refunds r
    where r.status in ('requested', 'pending')
      and r.created_at between app_hidden.clock() - interval '30 days'
        and app_hidden.clock() - interval '1 hour'
      and not app_hidden.job_is_pending('refund:' || r.id)
    order by r.created_at
    limit 1000
  ) r;
  select count(app_hidden.add_job(
    'stripe__process_event', jsonb_build_object('eventId', e.id), 'stripe_event:' || e.id,
    max_attempts => 25, queue_name => app_hidden.stripe_queue(e.object_id)
  )) into v_events
  from (
    select e.id, e.object_id from app_private.stripe_events e
    where e.processed_at is null and e.received_at < app_hidden.clock() - interval '1 hour'
      and not app_hidden.job_is_pending('stripe_event:' || e.id)
    order by e.received_at
    limit 1000
  ) e;
  return v_payments + v_refunds + v_events;
end
$$;

grant execute on function app_private.requeue_stale_stripe() to :DATABASE_AUTHENTICATOR;

comment on function app_private.requeue_stale_stripe() is
  'Queues a look at payments, refunds and events that have waited for too long; says how many.';
--! EndIncluded stripe/server/requeue_stale_stripe.sql
--! Included checkout/internal/queue_intent_cancellation.sql
create or replace function app_hidden.queue_intent_cancellation(payment_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.add_job(
    'payment__cancel_intent',
    jsonb_build_object('paymentId', payment_id),
    'payment__cancel_intent:' || payment_id,
    queue_name => (
      select app_hidden.stripe_queue(p.stripe_payment_intent_id) from app_public.payments p
      where p.id = queue_intent_cancellation.payment_id
    )
  )
$$;

comment on function app_hidden.queue_intent_cancellation(uuid) is
  'Asks Stripe to take no more money for a payment.';
--! EndIncluded checkout/internal/queue_intent_cancellation.sql
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
    perform app_hidden.queue_mail('booking_confirmed_guest', booking.guest_id, booking.id);
    perform app_hidden.queue_mail('booking_confirmed_host', booking.host_id, booking.id);
    return 'confirmed';
  end if;

  insert into app_public.refunds (payment_id, reason, currency, amount)
  values (payment.id, 'The payment came after the hold had expired.', payment.currency, payment.amount)
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
  if v_payment.status not in ('requires_payment', 'requires_action', 'processing', 'authorised') then
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
    case when v_amount > 0 then 'refund:' else 'refund_failure:' end || apply_refund.stripe_refund_id,
    case when v_amount > 0 then 'refund' else 'refund_failure' end,
    v_booking.id,
    array[
      row('guest_payable', null, v_refund.currency, v_amount),
      row('stripe_balance', null, v_refund.currency, -v_amount)
    ]::app_hidden.ledger_posting[]
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

comment on function app_private.ledger_drift() is 'What is wrong with the ledger; nothing, or something is broken.';
--! EndIncluded checkout/server/ledger_drift.sql
--! Included operations/server/record_heartbeat.sql
/*
 * One heartbeat for the workers of a process, and the rescue of the others' jobs: whoever holds a
 * lock and has not been heard of within the time-out is dead. Reads the wall clock: a heartbeat is
 * about now, not about a transaction. Returns the ids of the workers whose jobs were unlocked.
 */
create or replace function app_private.record_heartbeat(worker_ids text[], timeout interval) returns text[]
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

drop function app_hidden.tg__append_only();
drop function app_hidden.job_waits(text);
drop function app_hidden.price_lines(uuid, date, date, integer);
drop function app_hidden.post_ledger(text, text, uuid, text, uuid[], bigint[]);
drop function app_hidden.settle_payment(app_public.payments, app_public.bookings, bigint, text);
drop function app_private.follow_stripe();
drop function app_private.beat(text[], interval);
