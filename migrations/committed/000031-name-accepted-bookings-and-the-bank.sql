--! Previous: sha1:d4abe13cd3a6e09d5cbd0f7e1aef2ce142c1f472
--! Hash: sha1:44593ce09d9b60d38a8d4986ddfe3eb2cad19aa7
--! Message: name accepted bookings and the bank

--! split: 1-current.sql
-- What each included file changes, against the last migration that included it:
--   new     bookings/types/booking_status.sql
--   new     ledger/types/ledger_account_kind.sql
--   +2 -1   payments/types/refund_reason.sql
-- (npm run db:commit wrote these lines.)

--! Included bookings/types/booking_status.sql
do $$
begin
  create type app_public.booking_status as enum (
    'pending_payment', 'requested', 'accepted', 'confirmed', 'completed', 'expired', 'declined',
    'cancelled'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.booking_status add value if not exists 'accepted' after 'requested';

comment on type app_public.booking_status is
  'Pending payment holds the nights; requested waits for the host; accepted waits until the money '
  'is taken; confirmed is sold; completed is after check-out.';
--! EndIncluded bookings/types/booking_status.sql
--! Included ledger/types/ledger_account_kind.sql
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
--! EndIncluded ledger/types/ledger_account_kind.sql
--! Included payments/types/refund_reason.sql
do $$
begin
  create type app_public.refund_reason as enum (
    'late_payment', 'guest_cancelled', 'host_cancelled', 'operator_cancelled', 'goodwill',
    'made_at_stripe', 'unknown_charge', 'not_accepted'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.refund_reason add value if not exists 'not_accepted';

comment on type app_public.refund_reason is 'Why money is given back.';
--! EndIncluded payments/types/refund_reason.sql
