do $$
begin
  create type app_public.payment_status as enum (
    'requires_payment', 'requires_action', 'processing', 'authorised', 'captured',
    'partially_refunded', 'refunded', 'failed', 'cancelled', 'disputed'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.payment_status is
  'Where a payment is; money has moved from captured on.';
