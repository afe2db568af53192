/*
 * Writes one external fact into the ledger, once: a fact that is there already changes nothing and
 * gives false. It names the payment or the refund that it is of, and what it takes back. Postings
 * of zero are left out.
 *
 * Accounts are made when first needed. They are made in one order, so that two facts that need the
 * same new accounts wait for each other and do not deadlock.
 */
create or replace function app_hidden.post_ledger(
  external_fact text,
  kind text,
  booking_id uuid,
  postings app_hidden.ledger_posting[],
  payment_id uuid default null,
  refund_id uuid default null,
  reverses_id uuid default null
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_transaction_id uuid;
begin
  insert into app_public.ledger_transactions (
    external_fact, kind, booking_id, payment_id, refund_id, reverses_id
  )
  values (
    post_ledger.external_fact, post_ledger.kind, post_ledger.booking_id, post_ledger.payment_id,
    post_ledger.refund_id, post_ledger.reverses_id
  )
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

comment on function app_hidden.post_ledger(
  text, text, uuid, app_hidden.ledger_posting[], uuid, uuid, uuid
) is 'Writes an external fact into the ledger; false where it is there already.';
