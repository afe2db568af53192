do $$
begin
  create type app_public.refund_origin as enum ('ours', 'stripe');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.refund_origin is
  'Whether we decided on a refund, or somebody made it at Stripe, such as on its Dashboard.';
