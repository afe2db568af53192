do $$
begin
  create type app_public.refund_reason as enum (
    'late_payment', 'guest_cancelled', 'host_cancelled', 'operator_cancelled', 'goodwill',
    'made_at_stripe', 'unknown_charge'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.refund_reason is 'Why money is given back.';
