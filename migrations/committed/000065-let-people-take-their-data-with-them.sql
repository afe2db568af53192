--! Previous: sha1:38c3b1b59e062ce95176a0aed22923764935c2b0
--! Hash: sha1:16d12cec8f3ac29c5e448429b2e03f290467aec1
--! Message: let people take their data with them

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   +6 -2   identity/server/purge_expired_identity.sql
--   +5 -3   bookings/server/purge_quotes.sql (was bookings/internal/purge_quotes.sql)
--   new     notifications/server/purge_mails.sql
--   new     operations/tables/data_exports.sql
--   new     operations/tables/data_export_parts.sql
--   new     operations/policies/data_exports.sql
--   new     operations/policies/data_export_parts.sql
--   +1 -0   operations/internal/erase_sign_in.sql
--   new     operations/internal/exported.sql
--   new     operations/internal/export_account.sql
--   new     operations/internal/export_listings.sql
--   new     operations/internal/export_booking.sql
--   new     operations/internal/export_ledger.sql
--   new     operations/server/export_user.sql
--   new     operations/server/request_export.sql
--   new     operations/server/build_export.sql
--   new     operations/server/read_export.sql
--   new     operations/server/purge_exports.sql
-- (npm run db:commit wrote these lines.)

--! Included identity/server/purge_expired_identity.sql
create or replace function app_private.purge_expired_identity() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_private.registrations where expires_at < app_hidden.clock();
  delete from app_private.one_time_tokens where expires_at < app_hidden.clock();
  delete from app_private.oidc_sign_ins where expires_at < app_hidden.clock();
  delete from app_private.oidc_proofs where expires_at < app_hidden.clock();
  -- Those whose mail was never taken over; the others went with it.
  delete from app_private.account_notices
  where created_at < app_hidden.clock() - interval '30 days';
  delete from app_public.audit_entries
  where created_at < app_hidden.clock() - interval '1 year'
    and action in ('signed_in', 'sign_in_failed', 'refresh_token_reused');
  -- What was done is kept, and from where no longer.
  update app_public.audit_entries set network = '', device = ''
  where created_at < app_hidden.clock() - interval '1 year' and (network <> '' or device <> '');
  -- A week longer than needed, so that a stolen token that comes back late is still recognised.
  delete from app_private.sessions
  where least(expires_at, ended_at) < app_hidden.clock() - interval '7 days';
end
$$;

grant execute on function app_private.purge_expired_identity() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_expired_identity() is
  'Removes registrations and sessions that are past their time.';
--! EndIncluded identity/server/purge_expired_identity.sql
--! Included bookings/server/purge_quotes.sql
/*
 * Forgets offers that nobody took, a week after they ended; what was booked, or proposed as a
 * change of a stay, is kept for ever with it. In portions, so that no run locks much: returns how
 * many there were. No index helps it: it runs once a night, and what is older than a week is mostly
 * sold.
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
      and not exists (select from app_public.alterations a where a.quote_id = old.id)
    limit 1000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_quotes() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_quotes() is
  'Removes unsold quotes a week after they ended, 1,000 at most; says how many.';
--! EndIncluded bookings/server/purge_quotes.sql
--! Included notifications/server/purge_mails.sql
/*
 * Forgets who was told what, after ninety days, as the events are forgotten that it came from: what
 * is younger may be read again, and nobody told twice. No index helps it: it runs once a night.
 */
create or replace function app_private.purge_mails() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged integer;
begin
  delete from app_private.mails m
  where m.id = any (array(
    select old.id from app_private.mails old
    where old.created_at < app_hidden.clock() - interval '90 days' and old.event_id is null
    limit 10000
  ));
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

grant execute on function app_private.purge_mails() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_mails() is
  'Removes mails of more than ninety days whose events are forgotten; says how many.';
--! EndIncluded notifications/server/purge_mails.sql
--! Included operations/tables/data_exports.sql
/*
 * A person wants all that we know of them. The row is the wish; a job writes the document in parts
 * and draws the token of the link, which is in the mail and nowhere else: here is its hash. The
 * link works for a day, as often as it is needed: a download may break off.
 */
create table if not exists app_private.data_exports (
  id uuid not null default uuidv7() constraint data_exports_pkey primary key,
  user_id uuid not null
    constraint data_exports_user_id_fkey references app_public.users on delete cascade,
  token_hash bytea,
  created_at timestamptz not null default app_hidden.clock(),
  built_at timestamptz,
  expires_at timestamptz not null default app_hidden.clock() + interval '24 hours',

  constraint data_exports_token_hash_key unique (token_hash),
  constraint data_exports_hash_is_sha256 check (length(token_hash) = 32)
);

alter table app_private.data_exports enable row level security;
alter table app_private.data_exports force row level security;

create index if not exists data_exports_user_id_idx on app_private.data_exports (user_id);
-- purge_exports() walks what is past its time.
create index if not exists data_exports_expires_at_idx on app_private.data_exports (expires_at);

comment on table app_private.data_exports is 'Who has asked for their data.';
comment on column app_private.data_exports.id is 'What the job is told.';
comment on column app_private.data_exports.user_id is 'Whose data.';
comment on column app_private.data_exports.token_hash is 'SHA-256 of what the link has.';
comment on column app_private.data_exports.created_at is 'When they asked.';
comment on column app_private.data_exports.built_at is
  'When the document was written; null until then.';
comment on column app_private.data_exports.expires_at is 'Until when it can be downloaded.';

comment on constraint data_exports_token_hash_key on app_private.data_exports is
  'INTERNAL: A token is of one link.';
comment on constraint data_exports_hash_is_sha256 on app_private.data_exports is
  'INTERNAL: A token is hashed.';
--! EndIncluded operations/tables/data_exports.sql
--! Included operations/tables/data_export_parts.sql
-- A megabyte each, so that no download has to hold a large document in memory.
create table if not exists app_private.data_export_parts (
  export_id uuid not null
    constraint data_export_parts_export_id_fkey
      references app_private.data_exports on delete cascade,
  position integer not null,
  content bytea not null,

  constraint data_export_parts_pkey primary key (export_id, position)
);

alter table app_private.data_export_parts enable row level security;
alter table app_private.data_export_parts force row level security;

comment on table app_private.data_export_parts is
  'The documents of people who asked for their data.';
comment on column app_private.data_export_parts.export_id is 'Of which document.';
comment on column app_private.data_export_parts.position is 'Order in the document, from 0.';
comment on column app_private.data_export_parts.content is 'Bytes of JSON in UTF-8.';
--! EndIncluded operations/tables/data_export_parts.sql
--! Included operations/policies/data_exports.sql
select app_hidden.drop_policies('app_private.data_exports');
--! EndIncluded operations/policies/data_exports.sql
--! Included operations/policies/data_export_parts.sql
select app_hidden.drop_policies('app_private.data_export_parts');
--! EndIncluded operations/policies/data_export_parts.sql
--! Included operations/internal/erase_sign_in.sql
/*
 * How a person is reached and signs in, and from where they did. Sessions end by an update, so that
 * every server hears of it; the audit log keeps what was done, and by whom.
 */
create or replace function app_hidden.erase_sign_in(user_id uuid, email text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := erase_sign_in.user_id;
begin
  delete from app_private.registrations r where r.email = erase_sign_in.email;
  delete from app_private.one_time_tokens t
  where t.user_id = v_user_id or t.email = erase_sign_in.email;
  delete from app_private.oidc_proofs p
  where p.email = erase_sign_in.email or exists (
    select from app_private.identities i
    where i.user_id = v_user_id and i.issuer = p.issuer and i.subject = p.subject
  );
  delete from app_private.identities i where i.user_id = v_user_id;
  delete from app_private.second_factors f where f.user_id = v_user_id;
  delete from app_private.user_secrets s where s.user_id = v_user_id;
  delete from app_private.user_quotas q where q.user_id = v_user_id;
  delete from app_private.data_exports e where e.user_id = v_user_id;
  delete from app_private.idempotency_keys k where k.user_id = v_user_id;
  delete from app_public.user_contacts c where c.user_id = v_user_id;

  perform app_hidden.end_sessions(v_user_id);
  delete from app_private.refresh_tokens t
  using app_private.sessions s
  where s.id = t.session_id and s.user_id = v_user_id;
  update app_private.sessions s set network = '', user_agent = ''
  where v_user_id in (s.user_id, s.impersonator_id)
    and (s.network <> '' or s.user_agent <> '');
  -- What operators wrote about the person.
  update app_private.sessions s set impersonated_because = 'Erased.'
  where s.user_id = v_user_id and s.impersonated_because <> 'Erased.';
  update app_public.suspensions s set reason = 'Erased.'
  where s.user_id = v_user_id and s.reason <> 'Erased.';
  update app_public.audit_entries a set network = '', device = '', reason = ''
  where v_user_id in (a.actor_id, a.user_id)
    and (a.network <> '' or a.device <> '' or a.reason <> '');
end
$$;

comment on function app_hidden.erase_sign_in(uuid, text) is
  'Erases how a person is reached and signs in, and from where they did.';
--! EndIncluded operations/internal/erase_sign_in.sql
--! Included operations/internal/exported.sql
/*
 * A row as a person reads it, as in REST: listing_id is listingId, and amounts are text. A null
 * row is none.
 */
create or replace function app_hidden.exported(fields jsonb) returns jsonb
language sql immutable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(
    left(f.key, 1) || substr(replace(initcap(replace(f.key, '_', ' ')), ' ', ''), 2),
    case when f.key ~ '(^|_)amount$' and jsonb_typeof(f.value) = 'number'
      then to_jsonb(f.value #>> '{}') else f.value
    end
  )
  from jsonb_each(exported.fields) f
$$;

comment on function app_hidden.exported(jsonb) is
  'The fields of a row under the names that they have in REST, amounts as text.';
--! EndIncluded operations/internal/exported.sql
--! Included operations/internal/export_account.sql
/*
 * What we know of a person beside listings and stays. Secrets are left out, and from where an
 * operator acted: that is the operator's.
 */
create or replace function app_hidden.export_account(user_id uuid) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'profile', app_hidden.exported(to_jsonb(u)),
    'contact', (
      select app_hidden.exported(to_jsonb(c) - 'user_id')
      from app_public.user_contacts c where c.user_id = u.id
    ),
    'password', (
      select jsonb_build_object('isSet', s.password_hash is not null, 'updatedAt', s.updated_at)
      from app_private.user_secrets s where s.user_id = u.id
    ),
    'secondFactor', (
      select jsonb_build_object('createdAt', f.created_at, 'enabledAt', f.enabled_at)
      from app_private.second_factors f where f.user_id = u.id
    ),
    'operator', (
      select app_hidden.exported(to_jsonb(o) - 'user_id')
      from app_private.operators o where o.user_id = u.id
    ),
    'stripe', (
      select app_hidden.exported(to_jsonb(c) - 'user_id')
      from app_private.stripe_customers c where c.user_id = u.id
    ),
    'identities', (
      select jsonb_agg(app_hidden.exported(to_jsonb(i) - 'user_id') order by i.id)
      from app_private.identities i where i.user_id = u.id
    ),
    'sessions', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(s) - 'user_id' - 'impersonator_id') order by s.id
      )
      from app_private.sessions s where s.user_id = u.id and s.impersonator_id is null
    ),
    'auditEntries', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(a) || case when a.actor_id <> u.id
          then jsonb_build_object('network', '', 'device', '') else '{}'
        end) order by a.id
      )
      from app_public.audit_entries a where u.id in (a.user_id, a.actor_id)
    ),
    'quotas', (
      select jsonb_agg(app_hidden.exported(to_jsonb(q) - 'user_id') order by q.kind)
      from app_private.user_quotas q where q.user_id = u.id
    ),
    'links', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(t) - 'user_id' - 'token_hash') order by t.id
      )
      from app_private.one_time_tokens t where t.user_id = u.id
    ),
    'notices', (
      select jsonb_agg(app_hidden.exported(to_jsonb(n) - 'user_id') order by n.id)
      from app_private.account_notices n where n.user_id = u.id
    ),
    'mails', (
      select jsonb_agg(app_hidden.exported(to_jsonb(m) - 'user_id') order by m.id)
      from app_private.mails m where m.user_id = u.id
    ),
    'exports', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(e) - 'user_id' - 'token_hash') order by e.id
      )
      from app_private.data_exports e where e.user_id = u.id
    ),
    'imports', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(h) - 'user_id') order by h.source, h.external_id
      )
      from app_private.imported_hosts h where h.user_id = u.id
    ),
    'places', (
      select jsonb_agg(app_hidden.exported(to_jsonb(p) - 'host_id') order by p.id)
      from app_private.public_places p where p.host_id = u.id
    )
  )
  from app_public.users u where u.id = export_account.user_id
$$;

comment on function app_hidden.export_account(uuid) is
  'What we know of a person beside their listings and stays.';
--! EndIncluded operations/internal/export_account.sql
--! Included operations/internal/export_listings.sql
create or replace function app_hidden.export_listings(user_id uuid) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(
    app_hidden.exported(to_jsonb(l)) || jsonb_build_object(
      'address', (
        select app_hidden.exported(to_jsonb(a) - 'listing_id')
        from app_public.listing_addresses a where a.listing_id = l.id
      ),
      'photos', (
        select jsonb_agg(
          app_hidden.exported(to_jsonb(p) - 'listing_id') order by p.position, p.id
        )
        from app_public.listing_photos p where p.listing_id = l.id
      ),
      'amenities', (
        select jsonb_agg(a.amenity_code order by a.amenity_code)
        from app_public.listing_amenities a where a.listing_id = l.id
      ),
      'rates', (
        select app_hidden.exported(to_jsonb(r) - 'listing_id')
        from app_public.listing_rates r where r.listing_id = l.id
      ),
      'datedRates', (
        select jsonb_agg(app_hidden.exported(to_jsonb(d) - 'listing_id') order by d.nights)
        from app_public.dated_rates d where d.listing_id = l.id
      ),
      'claims', (
        select jsonb_agg(app_hidden.exported(to_jsonb(c) - 'listing_id') order by c.id)
        from app_public.calendar_claims c where c.listing_id = l.id
      ),
      'imports', (
        select jsonb_agg(
          app_hidden.exported(to_jsonb(i) - 'listing_id') order by i.source, i.external_id
        )
        from app_private.imported_listings i where i.listing_id = l.id
      ),
      'importedScores', (
        select app_hidden.exported(to_jsonb(s) - 'listing_id')
        from app_hidden.imported_review_scores s where s.listing_id = l.id
      )
    ) order by l.id
  )
  from app_public.listings l where l.host_id = export_listings.user_id
$$;

comment on function app_hidden.export_listings(uuid) is
  'The listings of a host with all that belongs to them.';
--! EndIncluded operations/internal/export_listings.sql
--! Included operations/internal/export_booking.sql
/*
 * A stay as its guest or its host sees it. Of the other side there is what they saw anyway: an id,
 * and what was said about the stay. Money between the guest and the marketplace is the guest's.
 */
create or replace function app_hidden.export_booking(
  booking app_public.bookings, is_guest boolean
) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.exported(
    case when is_guest then to_jsonb(booking) else to_jsonb(booking) - 'idempotency_key' end
  ) || jsonb_build_object(
    'events', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(e) - 'booking_id' - 'actor_id') order by e.sequence
      )
      from app_public.booking_events e where e.booking_id = booking.id
    ),
    'alterations', (
      select jsonb_agg(app_hidden.exported(to_jsonb(a) - 'booking_id') order by a.sequence)
      from app_public.alterations a where a.booking_id = booking.id
    ),
    'cancellation', (
      select app_hidden.exported(to_jsonb(c) - 'booking_id' - 'actor_id') || jsonb_build_object(
        'lineItems', (
          select jsonb_agg(app_hidden.exported(to_jsonb(i) - 'booking_id') order by i.position)
          from app_public.cancellation_line_items i where i.booking_id = c.booking_id
        )
      )
      from app_public.cancellations c where c.booking_id = booking.id
    )
  ) || case when is_guest then jsonb_build_object(
    'payments', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(p) - 'booking_id') || jsonb_build_object('refunds', (
          select jsonb_agg(
            app_hidden.exported(to_jsonb(r) - 'payment_id' - 'actor_id' - 'resolver_id')
            order by r.id
          )
          from app_public.refunds r where r.payment_id = p.id
        )) order by p.id
      )
      from app_public.payments p where p.booking_id = booking.id
    ),
    'unknownCharges', (
      select jsonb_agg(app_hidden.exported(to_jsonb(u) - 'booking_id') order by u.id)
      from app_public.unknown_charges u where u.booking_id = booking.id
    )
  ) else '{}' end
$$;

comment on function app_hidden.export_booking(app_public.bookings, boolean) is
  'A stay with what happened to it, as one side sees it.';
--! EndIncluded operations/internal/export_booking.sql
--! Included operations/internal/export_ledger.sql
create or replace function app_hidden.export_ledger(user_id uuid) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(
    app_hidden.exported(to_jsonb(a) - 'user_id') || jsonb_build_object('entries', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(e) - 'account_id') || jsonb_build_object(
          'kind', t.kind, 'bookingId', t.booking_id, 'createdAt', t.created_at
        ) order by e.id
      )
      from app_public.ledger_entries e
      join app_public.ledger_transactions t on t.id = e.transaction_id
      where e.account_id = a.id and e.currency = a.currency
    )) order by a.id
  )
  from app_public.ledger_accounts a where a.user_id = export_ledger.user_id
$$;

comment on function app_hidden.export_ledger(uuid) is 'What a host has earned, entry by entry.';
--! EndIncluded operations/internal/export_ledger.sql
--! Included operations/server/export_user.sql
/*
 * Everything that we know of a person, as one document, for the job and for an operator who answers
 * a letter by psql. tests/database/operations/export.test.ts says of each table that leads to a
 * person where it is, or why it is not.
 */
create or replace function app_private.export_user(user_id uuid) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_hidden.export_account(export_user.user_id) || jsonb_build_object(
    'exportedAt', app_hidden.clock(),
    'listings', app_hidden.export_listings(export_user.user_id),
    'quotes', (
      select jsonb_agg(
        app_hidden.exported(to_jsonb(q)) || jsonb_build_object('lineItems', (
          select jsonb_agg(app_hidden.exported(to_jsonb(i) - 'quote_id') order by i.position)
          from app_public.quote_line_items i where i.quote_id = q.id
        )) order by q.id
      )
      from app_public.quotes q where q.guest_id = export_user.user_id
    ),
    'bookingsAsGuest', (
      select jsonb_agg(app_hidden.export_booking(b, true) order by b.id)
      from app_public.bookings b where b.guest_id = export_user.user_id
    ),
    'bookingsAsHost', (
      select jsonb_agg(app_hidden.export_booking(b, false) order by b.id)
      from app_public.bookings b where b.host_id = export_user.user_id
    ),
    'ledgerAccounts', app_hidden.export_ledger(export_user.user_id),
    'reviewsWritten', (
      select jsonb_agg(app_hidden.exported(to_jsonb(r)) order by r.id)
      from app_public.reviews r where r.author_id = export_user.user_id
    ),
    -- What nobody has published yet, its subject may not read.
    'reviewsReceived', (
      select jsonb_agg(app_hidden.exported(to_jsonb(r)) order by r.id)
      from app_public.reviews r
      where r.subject_id = export_user.user_id and r.published_at is not null
    )
  )
$$;

grant execute on function app_private.export_user(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.export_user(uuid) is 'Everything that we know of a person.';
--! EndIncluded operations/server/export_user.sql
--! Included operations/server/request_export.sql
/*
 * Called by the server, which has checked that the person has just shown who they are. One wish at
 * a time and three a day; two at once follow one another by the lock of the contacts.
 */
create or replace function app_private.request_export(user_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_most constant integer := 3;
  v_export_id uuid;
begin
  perform from app_public.user_contacts c where c.user_id = request_export.user_id for update;
  if exists (
    select from app_private.data_exports e
    where e.user_id = request_export.user_id and e.built_at is null
      and e.created_at > app_hidden.clock() - interval '1 hour'
  ) then
    raise exception 'Your data are being put together. We mail you the link.'
      using errcode = 'SBI31';
  end if;
  if c_most <= (
    select count(*) from app_private.data_exports e
    where e.user_id = request_export.user_id
      and e.created_at > app_hidden.clock() - interval '24 hours'
  ) then
    raise exception 'You may ask for your data % times a day. Use the last link.', c_most
      using errcode = 'SBI31';
  end if;
  insert into app_private.data_exports (user_id) values (request_export.user_id)
  returning id into v_export_id;
  perform app_hidden.audit('export_requested', request_export.user_id);
  perform app_hidden.add_job('account__export', jsonb_build_object('exportId', v_export_id));
end
$$;

grant execute on function app_private.request_export(uuid) to :DATABASE_AUTHENTICATOR;

comment on function app_private.request_export(uuid) is
  'Notes that a person wants their data; EXPORT_LIMIT where they have asked enough.';
--! EndIncluded operations/server/request_export.sql
--! Included operations/server/build_export.sql
/*
 * Called by the job with the hash of a token that it has just drawn. The document is written once;
 * a job that runs again gives it another token. Null where the wish or the person is gone.
 */
create or replace function app_private.build_export(export_id uuid, token_hash bytea) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_part constant integer := 1048576;
  v_export app_private.data_exports;
  v_email text;
  v_document bytea;
begin
  select e.* into v_export from app_private.data_exports e
  where e.id = build_export.export_id and e.expires_at > app_hidden.clock() for update;
  select c.email into v_email from app_public.user_contacts c where c.user_id = v_export.user_id;
  if v_email is null then
    return null;
  end if;
  if v_export.built_at is null then
    v_document := convert_to(jsonb_pretty(app_private.export_user(v_export.user_id)), 'UTF8');
    insert into app_private.data_export_parts (export_id, position, content)
    select v_export.id, n, substring(v_document from n * c_part + 1 for c_part)
    from generate_series(0, (length(v_document) - 1) / c_part) n;
  end if;
  update app_private.data_exports e
  set token_hash = build_export.token_hash, built_at = coalesce(e.built_at, app_hidden.clock()),
      expires_at = app_hidden.clock() + interval '24 hours'
  where e.id = v_export.id;
  return v_email;
end
$$;

grant execute on function app_private.build_export(uuid, bytea) to :DATABASE_AUTHENTICATOR;

comment on function app_private.build_export(uuid, bytea) is
  'Writes the document that a person asked for, and says where its link goes.';
--! EndIncluded operations/server/build_export.sql
--! Included operations/server/read_export.sql
create or replace function app_private.read_export(token_hash bytea, part integer) returns bytea
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.content
  from app_private.data_exports e
  join app_private.data_export_parts p on p.export_id = e.id
  where e.token_hash = read_export.token_hash and e.expires_at > app_hidden.clock()
    and p.position = read_export.part
$$;

grant execute on function app_private.read_export(bytea, integer) to :DATABASE_AUTHENTICATOR;

comment on function app_private.read_export(bytea, integer) is
  'A part of a document by the token of its link; null after the last, and where the link is none.';
--! EndIncluded operations/server/read_export.sql
--! Included operations/server/purge_exports.sql
create or replace function app_private.purge_exports() returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_private.data_exports e where e.expires_at < app_hidden.clock()
$$;

grant execute on function app_private.purge_exports() to :DATABASE_AUTHENTICATOR;

comment on function app_private.purge_exports() is
  'Removes documents of people who asked for their data, a day after they were written.';
--! EndIncluded operations/server/purge_exports.sql
