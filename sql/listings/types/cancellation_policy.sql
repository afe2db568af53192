do $$
begin
  create type app_public.cancellation_policy as enum (
    'flexible', 'moderate', 'firm', 'strict', 'non_refundable'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cancellation_policy is 'How much a guest gets back who cancels.';
