do $$
begin
  create type app_public.booking_mode as enum ('instant', 'request');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.booking_mode is 'Whether a guest books at once or asks the host first.';
