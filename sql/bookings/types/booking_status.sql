do $$
begin
  create type app_public.booking_status as enum (
    'pending_payment', 'requested', 'accepted', 'confirmed', 'completed', 'expired', 'declined',
    'cancelled'
  );
exception
  when duplicate_object then null;
end
$$;
alter type app_public.booking_status add value if not exists 'accepted' after 'requested';

comment on type app_public.booking_status is
  'Pending payment holds the nights; requested waits for the host; accepted waits until the money '
  'is taken; confirmed is sold; completed is after check-out.';
