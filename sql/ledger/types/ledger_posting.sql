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
