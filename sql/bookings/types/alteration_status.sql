do $$
begin
  create type app_public.alteration_status as enum (
    'proposed', 'accepted', 'applied', 'declined', 'withdrawn', 'expired'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.alteration_status is
  'Proposed waits for the other side; accepted waits for the guest to pay the difference; applied '
  'is done.';
