do $$
begin
  create type app_public.booking_actor as enum ('guest', 'host', 'operator', 'system');
exception
  when duplicate_object then null;
end
$$;

comment on type app_public.booking_actor is 'Who made a booking change.';
