do $$
begin
  create type app_public.cancellation_line as (
    code text,
    rule text,
    currency text,
    amount bigint,
    refund_amount bigint,
    kept_amount bigint,
    payer app_public.party,
    payee app_public.party,
    basis app_public.cancellation_basis
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cancellation_line is
  'A line item of a stay that is cancelled: what goes back to its payer, and what is kept.';
comment on column app_public.cancellation_line.code is
  'What was paid for: nights, cleaning_fee, extra_guest_fee, guest_service_fee, host_commission.';
comment on column app_public.cancellation_line.rule is 'The rule that made the price.';
comment on column app_public.cancellation_line.currency is 'ISO 4217 currency.';
comment on column app_public.cancellation_line.amount is 'What was sold, in minor units.';
comment on column app_public.cancellation_line.refund_amount is
  'What goes back to the payer, in minor units.';
comment on column app_public.cancellation_line.kept_amount is
  'What the payee keeps, in minor units.';
comment on column app_public.cancellation_line.payer is 'Who paid it.';
comment on column app_public.cancellation_line.payee is 'Who received it.';
comment on column app_public.cancellation_line.basis is 'Why so much goes back.';
