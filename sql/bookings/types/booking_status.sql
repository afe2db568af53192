do $$
begin
  create type app_public.booking_status as enum (
    'pending_payment', 'requested', 'confirmed', 'completed', 'expired', 'declined', 'cancelled'
  );
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.booking_status is
  'Pending payment holds the nights; requested waits for the host; confirmed is sold; completed '
  'is after check-out.';
