do $$
begin
  create type app_public.ledger_account_kind as enum (
    'stripe_balance', 'host_payable', 'host_receivable', 'platform_revenue', 'tax_payable',
    'stripe_fees', 'disputes', 'guest_payable', 'bank'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.ledger_account_kind add value if not exists 'bank';

comment on type app_public.ledger_account_kind is 'What an account counts.';
