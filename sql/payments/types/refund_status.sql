do $$
begin
  create type app_public.refund_status as enum ('requested', 'pending', 'succeeded', 'failed');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.refund_status is
  'Where a refund is; a bank can make it fail even after it succeeded.';
