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
