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
