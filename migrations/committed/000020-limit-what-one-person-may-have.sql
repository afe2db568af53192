--! Previous: sha1:4e6fa779eb992ef67869a00866fd17c641c68b50
--! Hash: sha1:2b339d5be04dff1b72d1fc63ffdd82d1d2f5b6a5
--! Message: Limit what one person may have

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     identity/types/quota_kind.sql
--   new     identity/tables/quotas.sql
--   new     identity/tables/user_quotas.sql
--   new     identity/policies/quotas.sql
--   new     identity/policies/user_quotas.sql
--   new     identity/data/quotas.sql
--   new     identity/internal/require_quota.sql
--   new     identity/mutations/set_quota.sql
--   new     listings/triggers/tg_listings__quota.sql
--   +20 -3  listings/triggers/tg_listing_photos__limit.sql
--   new     calendar/mutations/block_nights.sql
--   +6 -0   quotes/mutations/create_quote.sql
-- (npm run db:commit wrote these lines.)

--! Included identity/types/quota_kind.sql
do $$
begin
  create type app_public.quota_kind as enum (
    'listings', 'drafts', 'units', 'photos', 'blocks', 'quotes'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.quota_kind is 'What is counted for each person, and limited.';
--! EndIncluded identity/types/quota_kind.sql
--! Included identity/tables/quotas.sql
-- How much each person may have of what costs nothing to make; user_quotas has the exceptions.
create table if not exists app_private.quotas (
  kind app_public.quota_kind not null constraint quotas_pkey primary key,
  most integer not null,

  constraint quotas_most_is_not_negative check (most >= 0)
);

alter table app_private.quotas enable row level security;
alter table app_private.quotas force row level security;

comment on table app_private.quotas is 'How much everybody may have.';
--! EndIncluded identity/tables/quotas.sql
--! Included identity/tables/user_quotas.sql
create table if not exists app_private.user_quotas (
  user_id uuid not null
    constraint user_quotas_user_id_fkey references app_public.users on delete cascade,
  kind app_public.quota_kind not null
    constraint user_quotas_kind_fkey references app_private.quotas on delete restrict,
  most integer not null,

  constraint user_quotas_pkey primary key (user_id, kind),
  constraint user_quotas_most_is_not_negative check (most >= 0)
);

alter table app_private.user_quotas enable row level security;
alter table app_private.user_quotas force row level security;

create index if not exists user_quotas_kind_idx on app_private.user_quotas (kind);

comment on table app_private.user_quotas is 'How much one person may have instead.';
--! EndIncluded identity/tables/user_quotas.sql
--! Included identity/policies/quotas.sql
select app_hidden.drop_policies('app_private.quotas');
--! EndIncluded identity/policies/quotas.sql
--! Included identity/policies/user_quotas.sql
select app_hidden.drop_policies('app_private.user_quotas');
--! EndIncluded identity/policies/user_quotas.sql
--! Included identity/data/quotas.sql
-- What was changed stays.
insert into app_private.quotas (kind, most)
values
  ('listings', 100),
  ('drafts', 50),
  ('units', 1000),
  ('photos', 2000),
  ('blocks', 2000),
  ('quotes', 200)
on conflict (kind) do nothing;
--! EndIncluded identity/data/quotas.sql
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
  v_most integer;
begin
  select coalesce(u.most, q.most) into strict v_most
  from app_private.quotas q
  left join app_private.user_quotas u
    on u.kind = q.kind and u.user_id = require_quota.user_id
  where q.kind = require_quota.kind;
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
--! Included identity/mutations/set_quota.sql
create or replace function app_public.set_quota(
  user_id uuid, kind app_public.quota_kind, most integer
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if set_quota.user_id is null or set_quota.kind is null or set_quota.most is null
    or set_quota.most < 0
  then
    raise exception 'A quota has a person, a kind, and a number from 0.'
      using errcode = 'SBG04', column = 'most';
  end if;
  if not exists (select from app_public.users u where u.id = set_quota.user_id) then
    raise exception 'There is no such person.' using errcode = 'SBG04', column = 'user_id';
  end if;
  insert into app_private.user_quotas (user_id, kind, most)
  values (set_quota.user_id, set_quota.kind, set_quota.most)
  on conflict on constraint user_quotas_pkey do update set most = excluded.most;
  return set_quota.most;
end
$$;

grant execute on function app_public.set_quota(uuid, app_public.quota_kind, integer)
  to :DATABASE_OPERATOR;

comment on function app_public.set_quota(uuid, app_public.quota_kind, integer) is
  'For the operator: how many of a kind a person may have from now on.';
--! EndIncluded identity/mutations/set_quota.sql
--! Included listings/triggers/tg_listings__quota.sql
-- What a host makes is counted; an import and the operator's own rows are not.
create or replace function app_hidden.tg_listings__quota() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_used record;
begin
  perform app_hidden.lock_guest(NEW.host_id);
  select count(*) as listings, count(*) filter (where l.status = 'draft') as drafts,
    sum(l.unit_count) as units
  into v_used
  from app_public.listings l where l.host_id = NEW.host_id;
  perform app_hidden.require_quota(NEW.host_id, 'listings', v_used.listings);
  perform app_hidden.require_quota(NEW.host_id, 'drafts', v_used.drafts);
  perform app_hidden.require_quota(NEW.host_id, 'units', v_used.units);
  return null;
end
$$;

create or replace trigger _200_quota
  after insert on app_public.listings
  for each row when (NEW.host_id = app_public.current_user_id())
  execute function app_hidden.tg_listings__quota();

comment on function app_hidden.tg_listings__quota() is
  'Refuses more listings, drafts or units than a host may have.';
--! EndIncluded listings/triggers/tg_listings__quota.sql
--! Included listings/triggers/tg_listing_photos__limit.sql
/*
 * A cap on everything: photos of one listing are loaded together. It counts behind the insert, when
 * row-level security has seen the row, so that nobody learns from it about a listing that is not
 * theirs; and under the locks, so that two inserts count one after the other, and a listing that is
 * being published has them. What a host adds counts for them; an import and the operator's own
 * rows do not.
 */
create or replace function app_hidden.tg_listing_photos__limit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_host_id uuid := (
    select l.host_id from app_public.listings l
    where l.id = NEW.listing_id and l.host_id = app_public.current_user_id()
  );
begin
  if v_host_id is not null then
    perform app_hidden.lock_guest(v_host_id);
  end if;
  perform app_hidden.lock_listing(NEW.listing_id);
  if (
    select count(*) from app_public.listing_photos p where p.listing_id = NEW.listing_id
  ) > 100 then
    raise exception 'A listing has at most 100 photos.'
      using errcode = 'SBL05', column = 'listing_id';
  end if;
  if v_host_id is not null then
    perform app_hidden.require_quota(v_host_id, 'photos', (
      select count(*) from app_public.listings l
      join app_public.listing_photos p on p.listing_id = l.id
      where l.host_id = v_host_id
    ));
  end if;
  return null;
end
$$;

create or replace trigger _200_limit
  after insert on app_public.listing_photos
  for each row execute function app_hidden.tg_listing_photos__limit();

comment on function app_hidden.tg_listing_photos__limit() is
  'At most 100 photos a listing, and as many as its host may have.';
--! EndIncluded listings/triggers/tg_listing_photos__limit.sql
--! Included calendar/mutations/block_nights.sql
create or replace function app_public.block_nights(
  listing_id uuid,
  starts_on date,
  ends_before date,
  note text default '',
  unit_number integer default null
) returns setof app_public.calendar_claims
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.require_user_id();
  v_listing app_public.listings;
begin
  perform app_hidden.check_nights(block_nights.starts_on, block_nights.ends_before);
  perform app_hidden.lock_guest(v_user_id);
  v_listing := app_hidden.require_own_listing(block_nights.listing_id);
  if block_nights.unit_number not between 1 and v_listing.unit_count then
    raise exception 'The listing has units 1 to %.', v_listing.unit_count
      using errcode = 'SBG04', column = 'unit_number';
  end if;

  -- Blocks that are over count no more; a day more than needed, for the time zones.
  perform app_hidden.require_quota(
    v_user_id, 'blocks',
    case when block_nights.unit_number is null then v_listing.unit_count else 1 end + (
      select count(*) from app_public.listings l
      join app_public.calendar_claims c on c.listing_id = l.id and c.kind = 'block'
      where l.host_id = v_user_id and upper(c.nights) >= app_hidden.clock()::date
    )
  );

  return query
  select c.*
  from generate_series(
    coalesce(block_nights.unit_number, 1),
    coalesce(block_nights.unit_number, v_listing.unit_count)
  ) n
  cross join lateral app_hidden.claim_nights(
    v_listing.id,
    daterange(block_nights.starts_on, block_nights.ends_before),
    'block',
    unit_number => n::smallint,
    note => coalesce(block_nights.note, '')
  ) c;
end
$$;

grant execute on function app_public.block_nights(uuid, date, date, text, integer)
  to :DATABASE_VISITOR;

comment on function app_public.block_nights(uuid, date, date, text, integer) is
  'Closes the nights from a day to before another, of one unit or of all; all or nothing.';
--! EndIncluded calendar/mutations/block_nights.sql
--! Included quotes/mutations/create_quote.sql
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
  -- Quotes of one guest are made one after the other: so their limit is exact.
  perform app_hidden.lock_guest(v_user_id);
  perform app_hidden.require_quota(v_user_id, 'quotes', 1 + (
    select count(*) from app_public.quotes q
    where q.guest_id = v_user_id and q.expires_at > app_hidden.clock()
  ));
  v_price := app_public.quote(
    create_quote.listing_id, create_quote.check_in, create_quote.check_out, create_quote.guests
  );

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
--! EndIncluded quotes/mutations/create_quote.sql
