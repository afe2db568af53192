do $$
begin
  create type app_public.refund_reason as enum (
    'late_payment', 'guest_cancelled', 'host_cancelled', 'operator_cancelled', 'goodwill',
    'made_at_stripe', 'unknown_charge', 'not_accepted', 'altered'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.refund_reason add value if not exists 'not_accepted';
alter type app_public.refund_reason add value if not exists 'altered';

comment on type app_public.refund_reason is 'Why money is given back.';
