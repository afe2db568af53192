do $$
begin
  create type app_public.cancellation_basis as enum (
    'not_charged', 'grace_period', 'policy', 'before_check_in', 'after_check_in', 'host_cancels',
    'operator_decides', 'in_proportion'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.cancellation_basis is
  'Why a cancellation gives back what it gives back.';
